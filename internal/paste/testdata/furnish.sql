-- What the captured texts of internal/paste/testdata show: one of everything
-- that psql's listings tell of access, with names that are hard to read.
CREATE ROLE acme;
CREATE ROLE acme_owner NOINHERIT;
CREATE ROLE acme_app LOGIN CONNECTION LIMIT 20 IN ROLE acme;
CREATE ROLE acme_ro LOGIN CONNECTION LIMIT 1 VALID UNTIL '2030-01-01 00:00:00+00' IN ROLE acme;
CREATE ROLE "Mary Ann" LOGIN CREATEDB CREATEROLE;
CREATE ROLE "a, ""b"" c++" LOGIN NOINHERIT CONNECTION LIMIT 0;
CREATE ROLE jürgen LOGIN REPLICATION BYPASSRLS;
GRANT acme_owner TO acme_app;
GRANT acme TO "Mary Ann" WITH ADMIN OPTION;
GRANT "Mary Ann", acme_owner TO "a, ""b"" c++";
COMMENT ON ROLE acme_app IS 'reads and writes | every day
since 2019+';
CREATE DATABASE acme OWNER acme_owner;
REVOKE ALL ON DATABASE acme FROM PUBLIC;
GRANT CONNECT ON DATABASE acme TO acme, "Mary Ann" WITH GRANT OPTION;
COMMENT ON DATABASE acme IS 'of the customer acme';
CREATE DATABASE "b o l t" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';
GRANT CREATE ON DATABASE "b o l t" TO PUBLIC;
ALTER ROLE acme_app SET search_path = acme, pg_temp;
ALTER ROLE acme_ro IN DATABASE acme SET statement_timeout = '30s';
ALTER DATABASE acme SET work_mem = '16MB';
\connect acme
CREATE SCHEMA acme AUTHORIZATION acme_owner;
COMMENT ON SCHEMA acme IS 'tables of
the customer';
GRANT USAGE ON SCHEMA acme TO acme, jürgen;
SET ROLE acme_owner;
CREATE TABLE acme.orders (id serial PRIMARY KEY, who text, secret text);
CREATE TABLE acme.lines (id int) PARTITION BY RANGE (id);
CREATE VIEW acme.open_orders AS SELECT id FROM acme.orders;
CREATE MATERIALIZED VIEW acme.sums AS SELECT count(*) FROM acme.orders;
GRANT SELECT, INSERT, UPDATE, DELETE ON acme.orders TO acme_app;
GRANT SELECT ON acme.orders TO PUBLIC;
GRANT SELECT (who), UPDATE (who) ON acme.orders TO acme_ro, "a, ""b"" c++";
GRANT SELECT (secret) ON acme.orders TO jürgen WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE acme.orders_id_seq TO acme_app;
GRANT SELECT ON acme.open_orders TO acme_ro;
REVOKE ALL ON acme.sums FROM acme_owner;
ALTER TABLE acme.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON acme.orders FOR UPDATE TO acme_app, acme_ro USING (who = CURRENT_USER) WITH CHECK (who = CURRENT_USER OR who = 'a | b');
CREATE POLICY "no more" ON acme.orders AS RESTRICTIVE USING (secret IS NULL);
ALTER DEFAULT PRIVILEGES IN SCHEMA acme GRANT SELECT, INSERT ON TABLES TO acme_app, acme_ro;
ALTER DEFAULT PRIVILEGES IN SCHEMA acme GRANT USAGE ON SEQUENCES TO acme_app;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
RESET ROLE;
CREATE EXTENSION postgres_fdw SCHEMA acme;
