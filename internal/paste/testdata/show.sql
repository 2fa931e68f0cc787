\du+
\drg
\l+
\drds
\connect acme
\dn+
\dp acme.*
\ddp
\dx
