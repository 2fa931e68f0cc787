// Package clienttest holds no program, only tests: what `landlord credentials`
// prints is given to the clients that people really use (psql, PHP's PDO,
// Go's pgx, Node's pg), and these log in with it, over TLS and fully verified.
package clienttest
