package spec

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"landlord/internal/tenant"
)

func (d *decoder) server(name, path string, at position, n *node) tenant.Server {
	s := tenant.Server{Name: name}
	if !simple.MatchString(name) {
		d.errs.add(at, path, "a server's name is made of letters, digits, underscores and hyphens")
	}
	connected := false
	d.mapping(n, path, "servers.NAME", func(key, path string, _ position, v *node) {
		switch key {
		case "connection":
			connected = true
			s.Connection, _ = d.checked(v, path, checkConnection)
		case "endpoint":
			s.Endpoint, _ = d.checked(v, path, checkConnection)
		case "clients":
			s.Clients = d.networks(v, path)
		case "operators":
			s.Operators = d.list(v, path, tenant.CheckIdentifier)
		case "pools":
			s.Pools = d.pools(v, path)
		}
	})
	if !connected && (n.kind == mapping || n.kind == null) {
		d.errs.add(at, path, "connection is missing: how does landlord reach this server? For instance connection: host=/var/run/postgresql user=postgres")
	}
	return s
}

func (d *decoder) networks(n *node, path string) []netip.Prefix {
	if !d.is(n, sequence, path) {
		return nil
	}
	var all []netip.Prefix
	for i, item := range n.items {
		path := fmt.Sprintf("%s[%d]", path, i)
		s, ok := d.text(item, path)
		if !ok {
			continue
		}
		p, err := network(s)
		if err != nil {
			suggestion := ""
			if p.IsValid() {
				suggestion = fmt.Sprintf("did you mean %q?", p)
			}
			d.errs.suggest(item.at, path, err.Error(), suggestion)
			continue
		}
		all = append(all, p)
	}
	return all
}

// network reads a CIDR prefix or a lone address. With bits set behind the
// prefix it fails, and returns what may have been meant: PostgreSQL would
// quietly match the whole network.
func network(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no network: wants a prefix such as 10.0.0.0/8, or one address", s)
	}
	if p != p.Masked() {
		return p.Masked(), fmt.Errorf("%q has bits set behind its first %d", s, p.Bits())
	}
	return p, nil
}

func (d *decoder) readSecrets(at position, n *node) {
	var lookup position
	d.mapping(n, "secrets", "secrets", func(key, path string, at position, v *node) {
		switch key {
		case "command":
			d.secrets.Command = d.argv(v, path)
		case "lookup":
			d.secrets.Lookup, lookup = d.argv(v, path), at
		case "file":
			d.secrets.File, _ = d.checked(v, path, notEmpty)
		}
	})
	switch s := d.secrets; {
	case s.File != "" && s.Command != nil:
		d.errs.add(at, "secrets", "command and file cannot both be given: where shall the passwords go?")
	case s.Lookup != nil && s.Command == nil:
		d.errs.add(lookup, "secrets.lookup", "wants command beside it: nothing can be looked up that was not stored")
	}
}

func (d *decoder) readJournal(n *node) {
	d.mapping(n, "journal", "journal", func(key, path string, _ position, v *node) {
		switch key {
		case "file":
			d.journal.File, _ = d.checked(v, path, notEmpty)
		case "syslog":
			d.journal.Syslog, _ = d.bool(v, path)
		}
	})
}

// argv reads a command: a list, or a line without anything that a shell
// would do more with than split it at blanks.
func (d *decoder) argv(n *node, path string) []string {
	if n.kind == sequence {
		args := d.list(n, path, noNUL)
		if len(n.items) == 0 || n.items[0].text == "" {
			d.errs.add(n.at, path, "wants at least the name of a program")
		}
		return args
	}
	s, ok := d.checked(n, path, notEmpty)
	if !ok {
		return nil
	}
	if strings.ContainsAny(s, "'\"\\$`|&;<>*?(){}[]~\n") {
		d.errs.add(n.at, path, "no shell runs here, so quotes and shell signs mean nothing: write the program and its arguments as a list, such as [/usr/local/bin/password, store]")
		return nil
	}
	return strings.Fields(s)
}

func notEmpty(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("wants something, found nothing but blanks")
	}
	return noNUL(s)
}

func noNUL(s string) error {
	if strings.ContainsRune(s, 0) {
		return errors.New("holds a NUL, which nothing can take")
	}
	return nil
}
