package cli

import (
	"bufio"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"landlord/internal/access"
	"landlord/internal/audit"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/term"
)

func (a *app) accessCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "access",
		Short: "Say who can do what on a server, and by which path",
		Long: `Say who can do what on a server, over a live one or over a file that landlord
snapshot has written. Nothing is changed, and nothing but catalogs is read.

Where the spec, or the file, has several servers, each that knows what is asked
about answers under its name; --server chooses one.

Exit status: 0 answered; 1 failed, or some server could not be read; 2 bad usage,
or a file that cannot be read; 3 access path: there is a path that works now.`,
	}
	c.AddCommand(a.accessOf(), a.accessWho(), a.accessPath())
	return c
}

// lookFlags give a command the flags by which it finds a server, running or
// in a file.
func (a *app) lookFlags(c *cobra.Command, p *place) {
	a.liveFlags(c, p)
	c.Flags().StringVar(&p.file, "snapshot", "", "judge this file instead of a server; - is stdin (--server: one of those in it)")
	_ = c.MarkFlagFilename("snapshot", "json")
	a.outputFlag(c, "text", "json")
}

// asked is a server that is ready for questions.
type asked struct {
	name string // empty: there is only one
	*access.State
}

// states are the servers of the flags, ready for questions, and those of which
// nothing is known.
func (a *app) states(c *cobra.Command, p place) ([]asked, []snapshot.Missing, error) {
	set, err := a.look(c, p)
	if err != nil {
		return nil, nil, err
	}
	several := len(set.Servers)+len(set.Missing) > 1
	var all []asked
	for _, n := range set.Servers {
		if !several {
			n.Name = ""
		}
		all = append(all, asked{n.Name, access.Prepare(n.Snapshot)})
	}
	return all, set.Missing, nil
}

// answer is what one server says to a question.
type answer[T any] struct {
	asked
	Answer T
}

// ask puts a question to each server. Those that do not know what it is about have
// no answer; where no server has one, the first's reason is the error.
func ask[T any](all []asked, missing []snapshot.Missing, question func(asked) (T, error)) ([]answer[T], error) {
	var answers []answer[T]
	var first error
	for _, st := range all {
		got, err := question(st)
		if err == nil {
			answers = append(answers, answer[T]{st, got})
		} else if first == nil {
			first = err
		}
	}
	switch {
	case len(answers) > 0:
		return answers, nil
	case first == nil:
		return nil, errors.New("no server could be read")
	case len(missing) > 0:
		var names []string
		for _, m := range missing {
			names = append(names, m.Name)
		}
		return nil, fmt.Errorf("%w; nothing is known of %s", first, audit.Servers(names))
	case len(all) > 1:
		return nil, usageError{fmt.Errorf("%w on any of %d servers", first, len(all))}
	}
	return nil, usageError{first}
}

// tell prints the answers: as JSON, or each under its server's name.
func tell[T any](a *app, answers []answer[T], missing []snapshot.Missing, inJSON func(answer[T]) any, show func(*bufio.Writer, answer[T])) error {
	several := answers[0].name != ""
	switch {
	case a.output == "json" && several:
		list := []map[string]any{}
		for _, x := range answers {
			list = append(list, map[string]any{"server": x.name, "answer": inJSON(x)})
		}
		if missing == nil {
			missing = []snapshot.Missing{}
		}
		if err := a.json(map[string]any{"servers": list, "missing": missing}); err != nil {
			return err
		}
	case a.output == "json":
		if err := a.json(inJSON(answers[0])); err != nil {
			return err
		}
	default:
		w := bufio.NewWriter(a.Out)
		for i, x := range answers {
			if several {
				fmt.Fprintf(w, "%s%s\n", strings.Repeat("\n", min(i, 1)), a.outLook().Paint(term.Strong, "Server "+term.Clean(x.name)))
			}
			show(w, x)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return a.missing(missing)
}

func (a *app) accessOf() *cobra.Command {
	var p place
	c := &cobra.Command{
		Use:   "of ROLE",
		Short: "All that a role can do, and where each right comes from",
		Long: `Say all that a role can do: its attributes, what it is a member of and how, its
rights in each database with where each comes from, and what default privileges
will give it on objects that are not there yet.

A right that comes from PUBLIC everybody has. Rights that it could give to
itself (as an owner, by SET ROLE, or by granting) are not among these.

Exit status: 0; 1 failed; 2 bad usage, or no such role.`,
		Example: "  landlord access of acme_app --snapshot server.json\n  landlord access of acme_app --database acme --output json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			all, missing, err := a.states(c, p)
			if err != nil {
				return err
			}
			answers, err := ask(all, missing, func(st asked) (access.Report, error) { return st.Of(args[0], p.databases) })
			if err != nil {
				return err
			}
			return tell(a, answers, missing, func(x answer[access.Report]) any { return x.Answer },
				func(w *bufio.Writer, x answer[access.Report]) { a.printRights(w, x.Answer) })
		},
	}
	a.lookFlags(c, &p)
	return c
}

func (a *app) accessWho() *cobra.Command {
	var p place
	var can, on string
	c := &cobra.Command{
		Use:   "who --can PRIVILEGE --on OBJECT",
		Short: "Every role that may do something with an object, and how",
		Long: `Say which roles may do something with an object, and how: as owner, by a grant,
through PUBLIC, as members of a role that may, after a SET ROLE, as superusers.

An object is named as SQL does: schema.table, schema.function(types), the name
of a schema, a database, a foreign server and the like. Where several databases
have one of this name, the answer is about each.

Exit status: 0; 1 failed; 2 bad usage, or no such object.`,
		Example: "  landlord access who --can SELECT --on acme.orders --snapshot server.json\n" +
			"  landlord access who --can CONNECT --on globex",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			priv, ok := pgsql.ParsePriv(can)
			if !ok {
				return usageError{fmt.Errorf("--can %s: there is no such privilege", can)}
			}
			all, missing, err := a.states(c, p)
			if err != nil {
				return err
			}
			answers, err := ask(all, missing, func(st asked) ([]access.Answer, error) { return who(st.State, on, priv, p.databases) })
			if err != nil {
				return err
			}
			return tell(a, answers, missing,
				func(x answer[[]access.Answer]) any {
					return map[string]any{"privilege": priv.String(), "answers": x.Answer}
				},
				func(w *bufio.Writer, x answer[[]access.Answer]) {
					for _, one := range x.Answer {
						a.printHolders(w, one, priv)
					}
				})
		},
	}
	a.lookFlags(c, &p)
	c.Flags().StringVar(&can, "can", "", "the privilege: SELECT, INSERT, CONNECT, USAGE …")
	c.Flags().StringVar(&on, "on", "", "the object")
	_ = c.MarkFlagRequired("can")
	_ = c.MarkFlagRequired("on")
	return c
}

// who answers for one server: each object of that name has an answer of its own.
func who(st *access.State, on string, priv pgsql.Privs, databases []string) ([]access.Answer, error) {
	objects, err := st.Find(on, databases)
	if err != nil {
		return nil, err
	}
	var answers []access.Answer
	for _, o := range objects {
		if o.Kind.All(st.Snapshot().Version)&priv != 0 {
			answers = append(answers, st.Who(o, priv))
		}
	}
	if len(answers) == 0 {
		return nil, fmt.Errorf("a %s has no privilege %s", objects[0].What(), priv)
	}
	return answers, nil
}

func (a *app) printHolders(w *bufio.Writer, answer access.Answer, priv pgsql.Privs) {
	where := ""
	if answer.Object.Database != "" && answer.Object.Kind != pgsql.DatabaseObj {
		where = " in database " + term.Clean(answer.Object.Database)
	}
	look := a.outLook()
	fmt.Fprintf(w, "%s\n", look.Paint(term.Strong, fmt.Sprintf("%s on %s %s%s", priv, answer.What, term.Clean(answer.Name), where)))
	t := term.Table{Head: []string{"role", "how", ""}}
	for _, h := range answer.Holders {
		role, how := h.Role, h.Source.String()
		if role == "" {
			role = "every role"
		}
		if len(h.SetRole) > 0 {
			how = "after SET ROLE " + strings.Join(h.SetRole[1:], ", then ") + ": " + how
		}
		var remark []string
		if len(h.Columns) > 0 {
			remark = append(remark, "columns "+strings.Join(h.Columns, ", ")+" only")
		}
		if h.Obstacle != "" {
			remark = append(remark, "cannot get there: "+h.Obstacle)
		}
		if h.Role != "" && !h.Login {
			remark = append(remark, "NOLOGIN")
		}
		t.Rows = append(t.Rows, []term.Cell{term.Text(term.Clean(role)), term.Text(term.Clean(how)), term.Text(term.Clean(strings.Join(remark, "; ")))})
	}
	if len(t.Rows) == 0 {
		fmt.Fprintln(w, "nobody")
	} else {
		fmt.Fprintln(w, look.Table(t))
	}
	fmt.Fprintln(w)
}

func (a *app) printRights(w *bufio.Writer, rep access.Report) {
	look := a.outLook()
	fmt.Fprintf(w, "%s: %s\n", look.Paint(term.Strong, term.Clean(rep.Role)), strings.Join(rep.Attributes, ", "))
	for _, m := range rep.Memberships {
		fmt.Fprintf(w, "  member of %s: %s%s\n", term.Clean(m.Role), memberWords(m), through(m.Chain))
	}
	if strings.Contains(strings.Join(rep.Attributes, " "), "SUPERUSER") {
		fmt.Fprintln(w, "  A superuser may do everything, in every database.")
	}
	database := "\x00"
	for _, r := range rep.Rights {
		if r.Database != database {
			database = r.Database
			fmt.Fprintf(w, "\n%s\n", look.Paint(term.Strong, heading(database)))
		}
		line := fmt.Sprintf("%s on %s", strings.Join(r.Privileges, ", "), objectsText(r, a.verbose))
		if len(r.Grantable) > 0 && r.Source.Kind != access.FromOwner {
			line += ", and may grant " + strings.Join(r.Grantable, ", ")
		}
		line += " — " + r.Source.String()
		if r.Obstacle != "" {
			line += " (of no use: " + r.Obstacle + ")"
		}
		fmt.Fprintf(w, "  %s\n", term.Clean(line))
	}
	printFuture(w, look, rep.Future)
	unreadLines(w, rep.Unread, snapshot.PartHBA)
}

// printFuture says what default privileges will give.
func printFuture(w *bufio.Writer, look term.Look, future []access.Future) {
	if len(future) > 0 {
		fmt.Fprintf(w, "\n%s\n", look.Paint(term.Strong, "Default privileges: on what is not there yet"))
	}
	for _, f := range future {
		in := "any schema"
		if f.Schema != "" {
			in = "schema " + f.Schema
		}
		fmt.Fprintf(w, "  %s\n", term.Clean(fmt.Sprintf("%s on each %s that %s makes in %s of database %s — %s",
			strings.Join(f.Privileges, ", "), f.Kind, f.Creator, in, f.Database, f.Source)))
	}
}

// asides are parts of a snapshot that say nothing of what a role may do.
var asides = []snapshot.Part{snapshot.PartVerifiers, snapshot.PartWeakness, snapshot.PartAvailable, snapshot.PartSessions, snapshot.PartHBAErrors, snapshot.PartIdent,
	snapshot.PartParameters, snapshot.PartSlots, snapshot.PartConnLimits, snapshot.PartValidUntil}

// unreadLines say what an answer does not know; what is so of several databases
// for one reason, at once.
func unreadLines(w *bufio.Writer, unread []snapshot.Unread, but ...snapshot.Part) {
	type gap struct {
		part   snapshot.Part
		reason string
	}
	var order []gap
	in := map[gap][]string{}
	for _, u := range unread {
		if slices.Contains(asides, u.Part) || slices.Contains(but, u.Part) {
			continue
		}
		g := gap{u.Part, u.Reason}
		if in[g] == nil {
			order = append(order, g)
		}
		in[g] = append(in[g], u.Database)
	}
	for _, g := range order {
		what, where := "what is", ""
		if g.part != snapshot.PartContents {
			what = string(g.part)
		}
		switch list := in[g]; {
		case len(list) > 5:
			where = fmt.Sprintf(" in databases %s, and %d more", strings.Join(list[:5], ", "), len(list)-5)
		case len(list) > 1:
			where = " in databases " + strings.Join(list, ", ")
		case list[0] != "":
			where = " in database " + list[0]
		}
		fmt.Fprintf(w, "\nNot known: %s%s (%s)\n", what, term.Clean(where), term.Clean(g.reason))
	}
}

func heading(database string) string {
	if database == "" {
		return "The whole server"
	}
	return "Database " + term.Clean(database)
}

func memberWords(m access.Membership) string {
	var words []string
	for _, w := range []struct {
		is   bool
		word string
	}{{m.Inherits, "has its rights"}, {m.Set, "can SET ROLE to it"}, {m.Admin, "can grant it"}} {
		if w.is {
			words = append(words, w.word)
		}
	}
	if len(words) == 0 {
		return "to no effect"
	}
	return strings.Join(words, ", ")
}

func through(chain []string) string {
	if len(chain) < 3 {
		return ""
	}
	return " (through " + term.Clean(strings.Join(chain[1:len(chain)-1], ", ")) + ")"
}

// objectsText names objects that are alike, a few of them or all.
func objectsText(r access.Right, all bool) string {
	kind := r.Kind
	if len(r.Objects) == 1 {
		return kind + " " + r.Objects[0]
	}
	names := r.Objects
	more := ""
	if len(names) > 5 && !all {
		more = fmt.Sprintf(" and %d more", len(names)-5)
		names = names[:5]
	}
	return fmt.Sprintf("%s: %s%s", term.Count(len(r.Objects), kind), strings.Join(names, ", "), more)
}
