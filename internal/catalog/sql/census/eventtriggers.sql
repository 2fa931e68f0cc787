SELECT v.evtname, v.evtevent, pg_catalog.pg_get_userbyid(v.evtowner), v.evtfoid::pg_catalog.regprocedure::pg_catalog.text, v.evtenabled = 'D'
FROM pg_catalog.pg_event_trigger AS v ORDER BY 1;
