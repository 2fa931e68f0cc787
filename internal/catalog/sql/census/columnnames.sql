SELECT a.attrelid, a.attnum, a.attname FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = ANY ('{{relations}}') AND a.attnum = ANY ('{{numbers}}');
