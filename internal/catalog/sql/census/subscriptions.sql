SELECT COALESCE(d.datname, ''), s.subname, pg_catalog.pg_get_userbyid(s.subowner), s.subenabled, {{passwordrequired}}, {{runasowner}}
FROM pg_catalog.pg_subscription AS s LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid ORDER BY 1, 2;
