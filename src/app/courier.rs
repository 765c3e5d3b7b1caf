use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Config, EmailProvider, SmsProvider};
use crate::delivery::{Chain, Outbox, Smtp, SmtpSettings, Webhook, Wording};
use crate::engine::ports::{Channel, Courier};

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
    let settings = config.sms.webhook.clone().ok_or("sms.webhook.url and sms.webhook.secret are missing")?;
    Webhook::new(settings, Arc::clone(&world.clock), Arc::clone(wording)).map_err(|error| error.to_string())
}

fn smtp(config: &Config, world: &World, wording: &Arc<Wording>) -> Result<Smtp, String> {
    let relay = config.email.smtp.clone().ok_or("email.smtp.url is missing")?;
    let from = config.email.from.clone().ok_or("email.from is missing")?;
    let read = |path: &PathBuf| fs::read(path).map_err(|why| format!("email.smtp.ca_file: {}: {why}", path.display()));
    let ca = config.email.ca_file.as_ref().map(read).transpose()?;
    let settings = SmtpSettings { relay, from, ca };
    Smtp::new(settings, Arc::clone(&world.clock), Arc::clone(wording)).map_err(|error| error.to_string())
}
