SELECT s.name, s.setting
FROM pg_catalog.pg_settings AS s
WHERE s.name IN (
  'archive_command', 'archive_library', 'archive_mode', 'authentication_timeout', 'createrole_self_grant', 'data_checksums',
  'db_user_namespace', 'event_triggers', 'fsync', 'full_page_writes', 'ident_file', 'idle_in_transaction_session_timeout',
  'in_hot_standby', 'krb_caseins_users', 'local_preload_libraries', 'log_connections', 'log_destination', 'log_disconnections',
  'log_hostname', 'log_line_prefix', 'log_min_duration_statement', 'log_min_messages', 'log_statement', 'logging_collector',
  'max_replication_slots', 'max_wal_senders', 'md5_password_warnings', 'reserved_connections', 'row_security', 'scram_iterations',
  'server_version', 'session_preload_libraries', 'session_replication_role', 'shared_preload_libraries', 'ssl_ca_file',
  'ssl_cert_file', 'ssl_crl_file', 'ssl_max_protocol_version', 'ssl_min_protocol_version', 'statement_timeout', 'summarize_wal',
  'temp_file_limit', 'transaction_timeout', 'unix_socket_group', 'unix_socket_permissions', 'update_process_title', 'wal_level',
  'allow_system_table_mods', 'allow_alter_system', 'backslash_quote', 'ignore_checksum_failure', 'zero_damaged_pages',
  'cluster_name', 'dynamic_library_path', 'extension_control_path', 'lo_compat_privileges', 'quote_all_identifiers',
  'restrict_nonsystem_relation_kind', 'timezone', 'track_activities')
  AND s.setting IS NOT NULL;
