-- Looks through the server's directory of extensions.
SELECT v.name, v.version, {{trusted}}, v.schema, pg_catalog.array_to_string(v.requires, ',')
FROM pg_catalog.pg_available_extension_versions() AS v
JOIN pg_catalog.pg_available_extensions() AS e ON e.name = v.name AND e.default_version = v.version
ORDER BY 1;
