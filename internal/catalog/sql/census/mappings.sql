SELECT m.srvname, CASE WHEN m.umuser = 0 THEN '' ELSE m.usename END,
       (SELECT o.option_value FROM pg_catalog.pg_options_to_table(m.umoptions) AS o WHERE o.option_name = 'user'),
       EXISTS (SELECT FROM pg_catalog.pg_options_to_table(m.umoptions) AS o WHERE o.option_name = 'password'),
       EXISTS (SELECT FROM pg_catalog.pg_options_to_table(m.umoptions) AS o
               WHERE o.option_name = 'password_required' AND pg_catalog.lower(o.option_value) IN ('false', 'off', 'no', '0', 'f', 'n')),
       m.umoptions IS NULL
FROM pg_catalog.pg_user_mappings AS m ORDER BY 1, 2;
