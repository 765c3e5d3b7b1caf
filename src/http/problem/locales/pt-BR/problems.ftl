# What a refused request is told. The id is the problem's code; the code itself is never translated.

malformed_body = Corpo da requisição malformado
    .detail = O corpo da requisição não é um objeto JSON nem um formulário bem formado.
invalid_request = Requisição inválida
    .detail = Uma parte da requisição está ausente ou não tem o formato correto; consulte errors.
unsupported_grant_type = Tipo de concessão desconhecido
    .detail = O tipo de concessão deve ser Password, Mfa ou Refresh_token.
door-code-expired = O código não é mais válido. Entre novamente para receber outro.
door-code-unsent = Não foi possível enviar o código. Entre novamente para que seja reenviado.
oauth-mfa-token = O token de MFA é desconhecido, já foi usado ou expirou. Comece de novo com a senha.
oauth-refresh-token = O token de renovação é desconhecido, já foi usado ou expirou. Entre novamente.
client-unknown = Envie as chaves de um cliente em api-key e access-key, ou um token de acesso válido.
cors-refused = Páginas desta origem não podem chamar isto, ou não com este método ou estes cabeçalhos.
body_too_slow = Corpo da requisição lento demais
    .detail = O corpo da requisição não chegou a tempo.
body_too_large = Corpo da requisição grande demais
    .detail = O corpo da requisição excede o tamanho aceito por este servidor.
unsupported_media_type = Tipo de mídia não suportado
    .detail = Envie JSON como application/json, ou um formulário como application/x-www-form-urlencoded.
unauthorized = Sessão não iniciada
    .detail = O token de acesso está ausente, é inválido ou sua sessão terminou. Entre novamente.
forbidden = Sem permissão
    .detail = Você não tem permissão para fazer isso.
workflow_disabled = Desativado
    .detail = O operador do serviço desativou este recurso.
wizard_not_found = Assistente não encontrado
    .detail = O assistente não existe ou expirou. Comece novamente.
not_found = Não encontrado
    .detail = Não há nada aqui.
step_not_allowed = Não permitido nesta etapa
    .detail = O assistente está aguardando outra ação.
wizard_changed = Houve uma alteração
    .detail = Outra etapa foi realizada antes. Confira a situação atual do assistente.
method_already_enabled = Já ativado
    .detail = Este método já está ativado.
method_not_enabled = Não ativado
    .detail = Este método não está ativado para esta conta.
mfa_disallowed = Não permitido aqui
    .detail = Este método não pode ser ativado nem desativado aqui para esta conta.
enrolment_required = Ative antes um segundo fator
    .detail = Esta conta só pode entrar com um segundo fator. Ative-o ao entrar pela web.
step_up_required = Confirme que é você
    .detail = Primeiro é preciso confirmar um segundo fator; veja next.
invalid_success_token = Confirmação inválida
    .detail = O token de confirmação é desconhecido, já usado, expirado ou destinado a outra coisa.
invalid_password = Senha não aceita
    .detail = Esta senha não pode ser usada; veja errors.
password_kept_elsewhere = Mantida em outro lugar
    .detail = As senhas deste serviço ficam em outro sistema. Altere-a lá.
already_taken = Já em uso
    .detail = Outra conta já usa este valor.
already_exists = Já existe
    .detail = Já existe um item com este nome.
read_only = Definido na configuração
    .detail = O que a configuração define não pode ser alterado aqui.
too_many_entries = Entradas demais
    .detail = O máximo já foi atingido. Exclua uma entrada primeiro.
invalid_credentials = E-mail ou senha incorretos
    .detail = O e-mail e a senha não correspondem.
invalid_code = Código incorreto
    .detail = O código informado não está correto.
code_expired = Código expirado
    .detail = O código não é mais válido. Solicite um novo.
code_used = Código já usado
    .detail = Cada código só pode ser usado uma vez. Aguarde o próximo.
invalid_phone = Telefone não aceito
    .detail = Este número de telefone não pode ser usado.
idempotency_key_reused = Chave usada em outra requisição
    .detail = Este Idempotency-Key foi enviado com uma requisição diferente.
too_many_attempts = Tentativas demais
    .detail = Aguarde e depois comece novamente.
account_locked = Bloqueado
    .detail = Muitos códigos incorretos. Aguarde e depois comece novamente.
resend_too_soon = Cedo demais
    .detail = Aguarde antes de solicitar outro código.
too_many_sends = Códigos demais
    .detail = Não é possível enviar outro código agora.
internal = Algo deu errado
    .detail = Tente novamente.
delivery_failed = Código não enviado
    .detail = Não foi possível enviar o código. Solicite-o novamente.
unavailable = Temporariamente indisponível
    .detail = Tente novamente em instantes.
overloaded = Muitos acessos
    .detail = Há muitas pessoas entrando agora. Tente novamente em instantes.

# What is wrong with a field.

field-missing = Campo obrigatório.
field-twice = Deve ser informado apenas uma vez.
field-type = Valor esperado: { $expected }.
field-invalid = Este valor não pode ser usado.
field-digits =
    { $digits ->
        [one] Deve ter exatamente { $digits } dígito.
       *[other] Deve ter exatamente { $digits } dígitos.
    }
field-some-digits = Deve ter de { $least } a { $most } dígitos.
field-range = Deve ser um número inteiro de { $least } a { $most }.
field-email = Deve ser um endereço de e-mail com no máximo 254 caracteres.
field-username = Deve ter de 1 a 64 letras, dígitos, pontos, sublinhados ou hifens.
field-phone = Deve ser um número de telefone válido no formato internacional, como +420601123456.
field-phone-not-allowed = Não enviamos mensagens para este país.
field-uuid = Deve ser um uuid, como 36f59381-5b54-48bd-a0c7-3b908c476732.
field-factor = Deve ser um destes valores: google, sms, email.
field-taken = Outra conta já usa este valor.
field-exists = Este valor já está em uso.
field-unknown = Não existe.
field-client-key = Deve ser uma chave de um cliente registrado.
field-key = A chave não pertence a este assistente.
field-password-hash = Deve ser um hash Argon2, scrypt ou PBKDF2 no formato PHC, ou um hash bcrypt, que não custe demais para verificar.
field-password-length = Deve ter de 8 a 128 caracteres.
field-password-weak = É fácil demais de adivinhar. Use mais palavras, ou palavras que não combinem.
field-password-common = É uma das senhas que todos tentam primeiro.
field-passwords-differ = Não é igual à senha.
field-recovery-code = Deve ser um código de recuperação como ABCDE-FGHIJ, ou oito dígitos.
field-purpose = Deve ter de 1 a 64 letras minúsculas, dígitos, sublinhados ou hifens; password_reset é reservado.
field-locale = Deve ser um destes valores: en, cs, pt-BR, ru.
field-time = Deve ser uma data e hora no formato ISO 8601, como 2022-12-01T07:23:59+00:00.
field-policy-id = Deve ter de 1 a 64 letras minúsculas de a a z, dígitos, pontos, sublinhados ou hifens.
field-issuer = Deve ter de 1 a 40 caracteres, sem dois-pontos.
field-domain = Deve ser um domínio de e-mail, como example.com.
field-name = Deve ter de 1 a 64 caracteres.
field-one-of = Deve ser um destes valores: { $expected }.

# What a method is called in lists.

caption-google = Google Authenticator
caption-sms = Confirmação por SMS
caption-email = Confirmação por e-mail

# O que se diz ao painel do operador, por seus próprios números.

panel-4 = O usuário ou a chave de sessão não é conhecido, ou a sessão terminou.
panel-5 = Formato de solicitação incorreto: envie JSON ou um formulário.
panel-5-json = Formato de solicitação incorreto: envie JSON.
panel-6 = Erro inesperado.
panel-7 = Parâmetros inválidos.
panel-8 = Servidor ocupado. Tente novamente mais tarde.
panel-9 = A solicitação é grande demais.
panel-11 = É necessário um segundo fator: envie o código com este token.
panel-13 = Operação não permitida.
panel-step-up = Operação não permitida. Entre novamente com seu segundo fator primeiro.
panel-14 = O banco de dados não está disponível. Tente novamente mais tarde.
panel-15 = Muitas solicitações. Aguarde.
panel-102 = Login ou senha incorretos.
panel-201 = Não encontrado no banco de dados.
panel-215 = Não foi possível enviar o código.
panel-282 = Código de autenticação incorreto.

# What the ABRA Flexi surface says.

flexi-enabled = A autenticação em dois fatores foi configurada com sucesso.
flexi-disabled = A autenticação em dois fatores foi desativada com sucesso.
flexi-disabled-one = Este método foi desativado. Outro método continua ativo, e uma senha de uso único ainda será solicitada.
flexi-credentials-missing = Entre com um nome de usuário e uma senha (HTTP Basic).
flexi-credentials-wrong = O nome de usuário ou a senha não está correto.
flexi-code-missing = Este usuário tem a autenticação em dois fatores ativada. Acrescente o parâmetro otp com uma senha de uso único.
flexi-code-sent = Uma senha de uso único acaba de ser enviada. Repita a requisição com o parâmetro otp e com o cabeçalho Mfa-Token desta resposta.
flexi-token-strange = O cabeçalho Mfa-Token não é válido. Repita a requisição sem ele e sem o parâmetro otp.
flexi-not-the-caller = user: Deve ser o usuário que entrou.
flexi-already-on = A autenticação em dois fatores já está ativada.
flexi-not-on = A autenticação em dois fatores não está ativada.
flexi-not-proved = Este método só pode ser desativado com um código dele próprio.
flexi-own-name = A sua própria autenticação em dois fatores só pode ser desativada com uma senha de uso único, pela requisição com o seu próprio nome no caminho.
flexi-no-such-user = Não há usuário com este nome.
flexi-unusable = Uma parte da requisição não pode ser usada.
flexi-changed = A conta foi alterada nesse meio-tempo. Repita a requisição.
flexi-otp-form = Deve ser uma senha de uso único feita de dígitos, ou um código de recuperação.
flexi-secret-form = Deve ter de 16 a 64 bytes em base32.
