# O que diz a interface ABRA Flexi.

enabled = A autenticação em dois fatores foi configurada com sucesso.
disabled = A autenticação em dois fatores foi desativada com sucesso.
disabled-one = Este método foi desativado. Outro método continua ativo, e uma senha de uso único ainda será solicitada.

credentials-missing = Entre com um nome de usuário e uma senha (HTTP Basic).
credentials-wrong = O nome de usuário ou a senha não está correto.
code-missing = Este usuário tem a autenticação em dois fatores ativada. Acrescente o parâmetro otp com uma senha de uso único.
code-sent = Uma senha de uso único acaba de ser enviada. Repita a requisição com o parâmetro otp e com o cabeçalho Mfa-Token desta resposta.
token-strange = O cabeçalho Mfa-Token não é válido. Repita a requisição sem ele e sem o parâmetro otp.
not-the-caller = user: Deve ser o usuário que entrou.
already-on = A autenticação em dois fatores já está ativada.
not-on = A autenticação em dois fatores não está ativada.
not-proved = Este método só pode ser desativado com um código dele próprio.
own-name = A sua própria autenticação em dois fatores só pode ser desativada com uma senha de uso único, pela requisição com o seu próprio nome no caminho.
no-such-user = Não há usuário com este nome.
unusable = Uma parte da requisição não pode ser usada.
changed = A conta foi alterada nesse meio-tempo. Repita a requisição.
otp-form = Deve ser uma senha de uso único feita de dígitos, ou um código de recuperação.
secret-form = Deve ter de 16 a 64 bytes em base32.
