package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"landlord/internal/cli"
)

// bareVerbs are commands about one tenant where there is no spec, in an order in
// which each finds what the one before has left. NAME stands for the tenant.
var bareVerbs = []struct{ name, args string }{
	{"add", "add NAME --isolation schema --database " + shared},
	{"show", "show NAME"},
	{"suspend", "suspend NAME"},
	{"resume", "resume NAME"},
	{"rotate, the first password", "rotate NAME"},
	{"rotate", "rotate NAME"},
	{"rotate --finish, nobody watched", "rotate NAME --finish --watch 0s"},
	{"rotate --in-place", "rotate NAME --in-place"},
	{"remove, without the dump", "remove NAME --no-dump --confirm NAME"},
}

// bareTurns compares the same of whole commands without a spec, for which the
// server's own state is what is wanted.
func (b *bench) bareTurns(files []string, sizes []int) error {
	times := make([][][]time.Duration, len(bareVerbs))
	names := make([]string, len(bareVerbs))
	for v := range bareVerbs {
		times[v], names[v] = make([][]time.Duration, len(files)), bareVerbs[v].name
	}
	for round := range b.rounds {
		for i := range files {
			n, err := neighbourhoodIn(files[i])
			if err != nil {
				return err
			}
			for v, verb := range bareVerbs {
				words := strings.Fields(strings.ReplaceAll(verb.args, "NAME", fmt.Sprintf("bare%05d", round)))
				start := time.Now()
				if err := command(append(append([]string{"tenant"}, words...), "--server", n.server.Connection)...); err != nil {
					return err
				}
				times[v][i] = append(times[v][i], time.Since(start))
			}
		}
	}
	b.ratios("one tenant among others, schema model, without a spec", names, times, sizes)
	return nil
}

// command runs a command as the program does, but for starting a process.
func command(args ...string) error {
	var out, talk bytes.Buffer
	if status := cli.Main(args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &talk, Getenv: func(string) string { return "" }}); status != 0 {
		return fmt.Errorf("landlord %s: exit status %d: %s", strings.Join(args, " "), status, talk.String())
	}
	return nil
}
