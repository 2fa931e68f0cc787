SELECT p.pubname, pg_catalog.pg_get_userbyid(p.pubowner), p.puballtables FROM pg_catalog.pg_publication AS p ORDER BY 1;
