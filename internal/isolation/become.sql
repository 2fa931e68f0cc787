
DECLARE
  me CONSTANT pg_catalog.oid := pg_catalog.to_regrole(pg_catalog.quote_ident(session_user));
  identity CONSTANT pg_catalog.oid := pg_catalog.to_regrole(pg_catalog.quote_ident(tenant));
  app pg_catalog.text;
  path pg_catalog.text;
  config pg_catalog.text[];
  one pg_catalog.text;
  parameter pg_catalog.text;
  value pg_catalog.text;
  mark pg_catalog.text;
BEGIN
  IF current_user OPERATOR(pg_catalog.<>) session_user
    OR pg_catalog.length(pg_catalog.current_setting('landlord.tenant', true)) OPERATOR(pg_catalog.>) 0 THEN
    RAISE EXCEPTION USING ERRCODE = '25001',
      MESSAGE = 'this transaction has become a tenant already',
      HINT = 'end it, and begin another one for the next tenant';
  END IF;
  -- Which of the roles that this login may become is in the tenant's house?
  SELECT pg_catalog.pg_get_userbyid(own.roleid), s.setconfig INTO app, config
  FROM pg_catalog.pg_auth_members AS house
  JOIN pg_catalog.pg_auth_members AS own
    ON own.roleid OPERATOR(pg_catalog.=) house.member AND own.member OPERATOR(pg_catalog.=) me
  LEFT JOIN pg_catalog.pg_db_role_setting AS s
    ON s.setrole OPERATOR(pg_catalog.=) own.roleid AND s.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid
  WHERE house.roleid OPERATOR(pg_catalog.=) identity;
  IF app IS NULL THEN
    SELECT d.description INTO mark FROM pg_catalog.pg_shdescription AS d
    WHERE d.objoid OPERATOR(pg_catalog.=) identity AND d.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_authid'::pg_catalog.regclass;
    RAISE EXCEPTION USING ERRCODE = '42501',
      MESSAGE = pg_catalog.format('%s cannot become tenant %L', session_user, tenant),
      DETAIL = CASE
        WHEN mark IS NULL OR NOT pg_catalog.starts_with(mark, 'landlord {') THEN 'There is no such tenant.'
        WHEN pg_catalog.strpos(mark, '"suspended":true') OPERATOR(pg_catalog.>) 0 THEN 'It is suspended.'
        ELSE 'It does not stand in this database, or landlord has not yet let this login become it.'
      END;
  END IF;
  -- What the tenant's own login would have from the start. What only a superuser may set is left out, as it must be.
  IF config IS NOT NULL THEN
    FOREACH one IN ARRAY config LOOP
      parameter := pg_catalog.split_part(one, '=', 1);
      value := pg_catalog.substr(one, pg_catalog.length(parameter) OPERATOR(pg_catalog.+) 2);
      IF parameter OPERATOR(pg_catalog.=) 'search_path' THEN
        path := value;
        CONTINUE;
      END IF;
      BEGIN
        PERFORM pg_catalog.set_config(parameter, value, true);
      EXCEPTION WHEN insufficient_privilege OR undefined_object OR invalid_parameter_value OR cant_change_runtime_param THEN
        NULL;
      END;
    END LOOP;
  END IF;
  -- Temporary tables stay with the connection, which the next tenant gets too: looked at last, they stand in nobody's
  -- place.
  path := pg_catalog.concat_ws(', ', path, 'pg_temp');
  PERFORM pg_catalog.set_config('search_path', path, true), pg_catalog.set_config('landlord.tenant', tenant, true),
    pg_catalog.set_config('role', app, true);
  RETURN app;
END
