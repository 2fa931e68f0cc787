package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"landlord/internal/cli"
	"landlord/internal/tenant"
)

// bareVerbs are whole commands where there is no spec: the server's own state is
// what is wanted.
var bareVerbs = []verb{
	{"add", bare("add NAME --isolation schema --database " + shared)},
	{"show", bare("show NAME")},
	{"suspend", bare("suspend NAME")},
	{"resume", bare("resume NAME")},
	{"rotate, the first password", bare("rotate NAME")},
	{"rotate", bare("rotate NAME")},
	{"rotate --finish, nobody watched", bare("rotate NAME --finish --watch 0s")},
	{"rotate --in-place", bare("rotate NAME --in-place")},
	{"remove, without the dump", bare("remove NAME --no-dump --confirm NAME")},
}

// bare is landlord tenant with some words, in which NAME stands for the tenant.
func bare(words string) func(context.Context, neighbourhood, tenant.Tenant) error {
	return func(_ context.Context, n neighbourhood, t tenant.Tenant) error {
		args := strings.Fields("tenant " + strings.ReplaceAll(words, "NAME", t.Name))
		return command(append(args, "--server", n.server.Connection)...)
	}
}

// command runs a command as the program does, but for starting a process.
func command(args ...string) error {
	var out, talk bytes.Buffer
	if status := cli.Main(args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &talk, Getenv: func(string) string { return "" }}); status != 0 {
		return fmt.Errorf("landlord %s: exit status %d: %s", strings.Join(args, " "), status, talk.String())
	}
	return nil
}
