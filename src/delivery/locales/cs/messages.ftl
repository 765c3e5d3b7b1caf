sms-code = { $code } je váš kód pro { $product }. { $minutes ->
    [one] Platí { $minutes } minutu.
    [few] Platí { $minutes } minuty.
    [many] Platí { $minutes } minuty.
   *[other] Platí { $minutes } minut.
}

email-subject = Váš kód pro { $product }
email-lead = Toto je váš kód pro { $product }:
email-lifetime = { $minutes ->
    [one] Platí { $minutes } minutu a lze jej použít jen jednou.
    [few] Platí { $minutes } minuty a lze jej použít jen jednou.
    [many] Platí { $minutes } minuty a lze jej použít jen jednou.
   *[other] Platí { $minutes } minut a lze jej použít jen jednou.
}
email-unasked = Pokud jste o něj nežádali, někdo možná zná vaše heslo. Kód nikomu nesdělujte a heslo si změňte.

notice-factor-enabled-subject = Na vašem účtu { $product } byl zapnut způsob přihlášení
notice-factor-enabled = { $factor ->
    [google] Dne { $time } byly na vašem účtu { $product } zapnuty kódy z ověřovací aplikace.
    [sms] Dne { $time } byly na vašem účtu { $product } zapnuty kódy v SMS.
   *[email] Dne { $time } byly na vašem účtu { $product } zapnuty kódy v e-mailu.
}
notice-factor-disabled-subject = Na vašem účtu { $product } byl vypnut způsob přihlášení
notice-factor-disabled = { $factor ->
    [google] Dne { $time } byly na vašem účtu { $product } vypnuty kódy z ověřovací aplikace.
    [sms] Dne { $time } byly na vašem účtu { $product } vypnuty kódy v SMS.
   *[email] Dne { $time } byly na vašem účtu { $product } vypnuty kódy v e-mailu.
}
notice-factor-reset-subject = Podpora zrušila způsob přihlášení k vašemu účtu { $product }
notice-factor-reset = { $factor ->
    [google] Podpora služby { $product } zrušila dne { $time } ověřovací aplikaci na vašem účtu. Po přihlášení si ji můžete nastavit znovu.
    [sms] Podpora služby { $product } zrušila dne { $time } kódy v SMS na vašem účtu. Po přihlášení si je můžete nastavit znovu.
   *[email] Podpora služby { $product } zrušila dne { $time } kódy v e-mailu na vašem účtu. Po přihlášení si je můžete nastavit znovu.
}
notice-password-changed-subject = Heslo k vašemu účtu { $product } bylo změněno
notice-password-changed = Dne { $time } bylo změněno heslo k vašemu účtu { $product }. Všechna ostatní přihlášení byla ukončena.
notice-password-reset-subject = Heslo k vašemu účtu { $product } bylo obnoveno
notice-password-reset = Dne { $time } bylo přes „zapomenuté heslo“ nastaveno nové heslo k vašemu účtu { $product }. Všechna přihlášení byla ukončena.
notice-password-set-subject = Podpora nastavila nové heslo k vašemu účtu { $product }
notice-password-set = Podpora služby { $product } nastavila dne { $time } nové heslo k vašemu účtu.
notice-email-changed-subject = E-mailová adresa vašeho účtu { $product } byla změněna
notice-email-changed = Dne { $time } byla změněna e-mailová adresa vašeho účtu { $product }. Zprávy o účtu od té chvíle chodí na novou adresu.
notice-recovery-codes-made-subject = Nové záchranné kódy k vašemu účtu { $product }
notice-recovery-codes-made = Dne { $time } byly vytvořeny nové záchranné kódy k vašemu účtu { $product }. Staré už neplatí.
notice-recovery-code-used-subject = Byl použit záchranný kód k vašemu účtu { $product }
notice-recovery-code-used = Dne { $time } byl použit záchranný kód k vašemu účtu { $product }. { $left ->
    [0] Žádný další nezbývá: vytvořte si nové.
    [one] Zbývá { $left }.
    [few] Zbývají { $left }.
    [many] Zbývá { $left }.
   *[other] Zbývá { $left }.
}
notice-device-remembered-subject = U vašeho účtu { $product } bylo zapamatováno zařízení
notice-device-remembered = Dne { $time } bylo u vašeho účtu { $product } zapamatováno zařízení: přihlášení na něm chce jen heslo.
notice-device-stolen-subject = Zapamatované zařízení vašeho účtu { $product } možná někdo zkopíroval
notice-device-stolen = Dne { $time } se někdo pokusil přihlásit k vašemu účtu { $product } se starou kopií údajů zapamatovaného zařízení. Všechna zapamatovaná zařízení byla zrušena, takže příští přihlášení bude chtít kód.
notice-session-stolen-subject = Přihlášení k vašemu účtu { $product } možná někdo zkopíroval
notice-session-stolen = Dne { $time } někdo předložil starou kopii klíče k přihlášení na vašem účtu { $product }. Toto přihlášení bylo ukončeno.

advice-yours = Pokud jste to nebyli vy, může být na vašem účtu někdo jiný: změňte si heslo, ukončete všechna ostatní přihlášení a zkontrolujte způsoby přihlášení.
advice-lost = Pokud jste to nebyli vy, má váš účet někdo jiný: na přihlašovací stránce si ihned přes „zapomenuté heslo“ nastavte nové heslo a dejte vědět podpoře služby { $product }.
advice-support = Pokud jste o to nežádali, dejte ihned vědět podpoře služby { $product }.
advice-recovery = Pokud jste to nebyli vy, má vaše záchranné kódy někdo jiný: vytvořte si nové a změňte si heslo.
advice-copied = Pokud jste prohlížeč ani aplikaci nepřenášeli a neobnovovali ze zálohy, může mít kopii jejich údajů někdo jiný: změňte si heslo a ukončete všechna ostatní přihlášení.
