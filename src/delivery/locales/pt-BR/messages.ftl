sms-code = { $code } é o seu código do { $product }. { $minutes ->
    [one] Ele vale por { $minutes } minuto.
   *[other] Ele vale por { $minutes } minutos.
}

email-subject = Seu código do { $product }
email-lead = Este é o seu código do { $product }:
email-lifetime = { $minutes ->
    [one] Ele vale por { $minutes } minuto e só pode ser usado uma vez.
   *[other] Ele vale por { $minutes } minutos e só pode ser usado uma vez.
}
email-unasked = Se você não pediu este código, alguém pode saber a sua senha. Não passe o código a ninguém e troque a senha.

notice-factor-enabled-subject = Uma forma de acesso à sua conta { $product } foi ativada
notice-factor-enabled = { $factor ->
    [google] Os códigos do aplicativo autenticador foram ativados na sua conta { $product } em { $time }.
    [sms] Os códigos por SMS foram ativados na sua conta { $product } em { $time }.
   *[email] Os códigos por e-mail foram ativados na sua conta { $product } em { $time }.
}
notice-factor-disabled-subject = Uma forma de acesso à sua conta { $product } foi desativada
notice-factor-disabled = { $factor ->
    [google] Os códigos do aplicativo autenticador foram desativados na sua conta { $product } em { $time }.
    [sms] Os códigos por SMS foram desativados na sua conta { $product } em { $time }.
   *[email] Os códigos por e-mail foram desativados na sua conta { $product } em { $time }.
}
notice-factor-reset-subject = O suporte removeu uma forma de acesso à sua conta { $product }
notice-factor-reset = { $factor ->
    [google] O suporte do { $product } removeu o aplicativo autenticador da sua conta em { $time }. Você pode configurá-lo de novo depois de entrar.
    [sms] O suporte do { $product } removeu os códigos por SMS da sua conta em { $time }. Você pode configurá-los de novo depois de entrar.
   *[email] O suporte do { $product } removeu os códigos por e-mail da sua conta em { $time }. Você pode configurá-los de novo depois de entrar.
}
notice-password-changed-subject = A senha da sua conta { $product } foi alterada
notice-password-changed = A senha da sua conta { $product } foi alterada em { $time }. Todas as outras sessões foram encerradas.
notice-password-reset-subject = A senha da sua conta { $product } foi redefinida
notice-password-reset = Uma nova senha foi definida para a sua conta { $product } por “esqueci a senha” em { $time }. Todas as sessões foram encerradas.
notice-password-set-subject = O suporte definiu uma nova senha para a sua conta { $product }
notice-password-set = O suporte do { $product } definiu uma nova senha para a sua conta em { $time }.
notice-email-changed-subject = O e-mail da sua conta { $product } foi alterado
notice-email-changed = O endereço de e-mail da sua conta { $product } foi alterado em { $time }. A partir de agora, as mensagens sobre a conta vão para o novo endereço.
notice-recovery-codes-made-subject = Novos códigos de recuperação da sua conta { $product }
notice-recovery-codes-made = Novos códigos de recuperação foram criados para a sua conta { $product } em { $time }. Os antigos não funcionam mais.
notice-recovery-code-used-subject = Um código de recuperação da sua conta { $product } foi usado
notice-recovery-code-used = Um código de recuperação da sua conta { $product } foi usado em { $time }. { $left ->
    [0] Não resta nenhum: crie novos códigos.
    [one] Resta { $left }.
   *[other] Restam { $left }.
}
notice-device-remembered-subject = Um dispositivo agora é lembrado na sua conta { $product }
notice-device-remembered = Desde { $time } um dispositivo é lembrado na sua conta { $product }: nele, o acesso pede apenas a senha.
notice-device-stolen-subject = Um dispositivo lembrado da sua conta { $product } pode ter sido copiado
notice-device-stolen = Em { $time } alguém tentou entrar na sua conta { $product } com uma cópia antiga dos dados de um dispositivo lembrado. Todos os dispositivos lembrados foram esquecidos, e o próximo acesso pedirá um código.
notice-session-stolen-subject = Uma sessão da sua conta { $product } pode ter sido copiada
notice-session-stolen = Em { $time } alguém apresentou uma cópia antiga da chave de uma sessão da sua conta { $product }. Essa sessão foi encerrada.

advice-yours = Se não foi você, outra pessoa pode estar na sua conta: troque a senha, encerre todas as outras sessões e confira as formas de acesso.
advice-lost = Se não foi você, outra pessoa está com a sua conta: defina já uma nova senha por “esqueci a senha” na página de acesso e avise o suporte do { $product }.
advice-support = Se você não pediu isto, avise já o suporte do { $product }.
advice-recovery = Se não foi você, outra pessoa tem os seus códigos de recuperação: crie novos códigos e troque a senha.
advice-copied = Se você não transferiu nem restaurou o navegador ou o aplicativo de um backup, outra pessoa pode ter uma cópia dos dados dele: troque a senha e encerre todas as outras sessões.
