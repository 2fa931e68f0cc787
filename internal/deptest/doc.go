// Package deptest holds no program, only tests: which package may import what,
// who may read the clock, start programs, open connections, quote SQL. Each
// rule says why it is there; docs/architecture.md says what follows from them.
package deptest
