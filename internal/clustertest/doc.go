// Package clustertest tries tenants' own servers: with a real systemd, real
// limits, addresses and volumes, and with landlord killed at every step.
package clustertest
