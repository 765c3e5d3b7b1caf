use std::sync::Arc;

use crate::config::{Config, EmailProvider, SmsProvider, SmtpRelay, SmtpSecurity};
use crate::delivery::{
    Chain, Login, Outbox, Relay, Security, Sender, Smtp, SmtpSettings, Webhook, WebhookSettings, Wording,
};
use crate::engine::ports::{Channel, Courier};
use crate::http::{DevOutbox, SentMessage};

use super::World;

/// The providers as configured, in their order; and the outbox, if a channel has one.
pub fn courier(config: &Config, world: &World) -> Result<(Arc<dyn Courier>, Option<Outbox>), String> {
    let wording = Arc::new(Wording::new(config.product.clone()));
    let outbox = Outbox::new(Arc::clone(&world.clock), Arc::clone(&wording));
    let mut chain = Chain::new(Arc::clone(&world.entropy))
        .deadline(Channel::Sms, config.sms.deadline)
        .deadline(Channel::Email, config.email.deadline);
    for provider in &config.sms.providers {
        chain = match provider {
            SmsProvider::Outbox => chain.with(Channel::Sms, outbox.clone()),
            SmsProvider::Webhook => chain.with(Channel::Sms, webhook(config, world, &wording)?),
        };
    }
    for provider in &config.email.providers {
        chain = match provider {
            EmailProvider::Outbox => chain.with(Channel::Email, outbox.clone()),
            EmailProvider::Smtp => chain.with(Channel::Email, smtp(config, world, &wording)?),
        };
    }
    let kept =
        config.sms.providers.contains(&SmsProvider::Outbox) || config.email.providers.contains(&EmailProvider::Outbox);
    Ok((Arc::new(chain), kept.then_some(outbox)))
}

fn webhook(config: &Config, world: &World, wording: &Arc<Wording>) -> Result<Webhook, String> {
    let settings = config.sms.webhook.as_ref().ok_or("sms.webhook.url and sms.webhook.secret are missing")?;
    let settings =
        WebhookSettings { url: settings.url.clone(), secret: settings.secret.clone(), timeout: settings.timeout };
    Webhook::new(settings, Arc::clone(&world.clock), Arc::clone(wording)).map_err(|error| error.to_string())
}

fn smtp(config: &Config, world: &World, wording: &Arc<Wording>) -> Result<Smtp, String> {
    let relay = config.email.smtp.as_ref().ok_or("email.smtp.url is missing")?;
    let from = config.email.from.as_ref().ok_or("email.from is missing")?;
    let from = Sender::new(from.name.clone(), from.address.clone()).map_err(|error| error.to_string())?;
    let read = |path: &std::path::PathBuf| {
        std::fs::read(path).map_err(|why| format!("email.smtp.ca_file: {}: {why}", path.display()))
    };
    let ca = config.email.ca_file.as_ref().map(read).transpose()?;
    let settings = SmtpSettings { relay: relay_of(relay), from, ca };
    Smtp::new(settings, Arc::clone(&world.clock), Arc::clone(wording)).map_err(|error| error.to_string())
}

fn relay_of(relay: &SmtpRelay) -> Relay {
    Relay {
        host: relay.host.clone(),
        port: relay.port,
        security: match relay.security {
            SmtpSecurity::None => Security::None,
            SmtpSecurity::Opportunistic => Security::Opportunistic,
            SmtpSecurity::Required => Security::Required,
            SmtpSecurity::Implicit => Security::Implicit,
        },
        login: relay.login.as_ref().map(|login| Login { user: login.user.clone(), password: login.password.clone() }),
        hello: relay.hello.clone(),
    }
}

impl DevOutbox for Outbox {
    fn messages(&self, to: Option<&str>) -> Vec<SentMessage> {
        let kept = Outbox::messages(self, to);
        kept.into_iter()
            .map(|message| SentMessage {
                id: message.id,
                channel: message.channel.to_owned(),
                to: message.to,
                subject: message.subject,
                text: message.text,
                code: Some(message.code),
                locale: message.locale.as_str().to_owned(),
                sent_at: message.sent_at,
            })
            .collect()
    }
}
