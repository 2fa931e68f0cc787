package prove

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// try is the common form of an attempt: some SQL, as the login, in a
// transaction that is rolled back.
type try struct {
	sql []string
	// open is the verdict if the server lets it happen.
	open Verdict
	// denials are the SQLSTATEs of a refusal; each other error teaches
	// nothing, but for those in beyond, which come only once the wall has
	// been passed.
	denials, beyond []string
	// alone sends each statement by itself, since it cannot be in a
	// transaction: only for statements that a later check of the server's
	// always stops.
	alone bool
	// asks says that the last statement asks whether it has happened: an
	// empty answer, f or 0 says no. GRANT and its kin only warn.
	asks bool
	// there says that it is tried in the neighbour's database.
	there bool
	// controlled says that the neighbour's row must be there for it.
	controlled bool
	// knowing adds a remark to the detail of an exposure.
	remark string
}

// refused is an attempt that must be refused.
func refused(sql ...string) try {
	return try{sql: sql, open: Escaped, denials: []string{"42501"}}
}

// refusedThere is one on the neighbour's own ground. It is refused, too, if
// the login does not get into the neighbour's database.
func refusedThere(sql ...string) try {
	t := refused(sql...)
	t.there = true
	return t
}

// none is a question to which the only good answer is an empty one.
func none(question string) try {
	t := refused(question)
	t.asks = true
	return t
}

// seen is a question that the server answers if something is exposed.
func seen(question string) try {
	return try{sql: []string{question}, open: Exposed, denials: []string{"42501"}, asks: true}
}

// allowed is an attempt that the server lets happen if something is exposed.
func allowed(sql ...string) try {
	return try{sql: sql, open: Exposed, denials: []string{"42501"}}
}

func (t try) denied(states ...string) try {
	t.denials = slices.Concat(t.denials, states)
	return t
}

func (t try) past(states ...string) try {
	t.beyond = states
	return t
}

func (t try) byItself() try {
	t.alone = true
	return t
}

func (t try) effect(question string) try {
	t.sql = append(slices.Clone(t.sql), question)
	t.asks = true
	return t
}

func (t try) control() try {
	t.controlled = true
	return t
}

func (t try) saying(remark string) try {
	t.remark = remark
	return t
}

// doorStates are how a server refuses a login that is known to get in
// elsewhere: pg_hba.conf (28000), no CONNECT (42501), no such database (3D000).
// A password that is wrong (28P01) is no wall.
var doorStates = []string{"28000", "42501", "3D000"}

// run makes the attempt.
func (t try) run(ctx context.Context, a *Attempt) Result {
	if t.controlled {
		if err := a.control(ctx); err != nil {
			return notTried("no positive control: %s", explain(err))
		}
	}
	s, err := a.own(ctx)
	if err == nil && t.there {
		s, err = a.there(ctx)
	} else if err != nil {
		return notTried("no positive control: it does not get into its own database: %s", explain(err))
	}
	if err != nil {
		r := reply{err: err}
		if t.there && slices.Contains(doorStates, r.state()) {
			return Result{Held, r.state(), fmt.Sprintf("no way into database %s: %s", a.Neighbour.Database, explain(err))}
		}
		return notTried("no session: %s", explain(err))
	}
	var sql []string
	for _, text := range t.sql {
		if text = a.sql(text); gap.MatchString(text) {
			return notTried("nothing to try it on: %v", a.missing())
		}
		sql = append(sql, text)
	}
	if t.alone {
		return t.judge(s.run(ctx, sql[0]), sql)
	}
	return t.judge(s.try(ctx, sql...), sql)
}

// gap is a word of a statement that could not be filled in.
var gap = regexp.MustCompile(`\{[a-z.]+'?\}`)

// judge turns the server's answer into a verdict.
func (t try) judge(r reply, sql []string) Result {
	shown, state := t.shown(sql), r.state()
	switch {
	case slices.Contains(t.denials, state):
		return Result{Held, state, shown + ": " + r.said()}
	case slices.Contains(t.beyond, state):
		return Result{t.open, state, shown + ": permission was given, only then: " + r.said()}
	case r.err != nil:
		return Result{NotTried, state, shown + ": an answer that says nothing about the wall: " + r.said()}
	case t.asks && !yes(r.value()):
		return Result{Held, "", shown + ": " + nothing(r, len(sql) == 1)}
	case t.asks && r.value() != "t":
		return Result{t.open, "", t.add(shown + ": " + r.value())}
	case t.asks && len(sql) == 1:
		return Result{t.open, "", t.add(shown + ": yes")}
	}
	return Result{t.open, "", t.add(shown + ": " + r.said())}
}

// shown is the attempt in a report: its statements, without questions.
func (t try) shown(sql []string) string {
	if t.asks {
		sql = sql[:len(sql)-1]
	}
	if len(sql) == 0 {
		return "the server says"
	}
	return strings.Join(strings.Fields(strings.Join(sql, "; ")), " ")
}

func (t try) add(detail string) string {
	if t.remark == "" {
		return detail
	}
	return detail + "; " + t.remark
}

func yes(value string) bool { return value != "" && value != "f" && value != "0" }

func nothing(r reply, question bool) string {
	switch {
	case question:
		return "nothing"
	case len(r.notices) > 0:
		return "no effect: " + r.notices[0]
	}
	return "accepted, and without effect"
}

func notTried(format string, args ...any) Result {
	return Result{Verdict: NotTried, Detail: fmt.Sprintf(format, args...)}
}

// unlessRight asks first whether the login has a right (a question that the
// server answers with true or false), and only if not tries to use it: what
// would disturb the server is not done just because it can be.
func (t try) unlessRight(question string) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		s, err := a.own(ctx)
		if err != nil {
			return notTried("no session: %s", explain(err))
		}
		r := s.try(ctx, a.sql(question))
		switch {
		case r.err != nil:
			return notTried("asking for the right: %s", r.said())
		case yes(r.value()):
			return Result{t.open, "", "it has the right, as the server says; not used, since that could disturb others"}
		}
		return t.run(ctx, a)
	}
}

// every makes an attempt in several forms: the worst verdict counts.
func every(tries ...func(context.Context, *Attempt) Result) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		worst := Result{}
		for _, t := range tries {
			if r := t(ctx, a); badness(r.Verdict) > badness(worst.Verdict) {
				worst = r
			}
		}
		return worst
	}
}

func badness(v Verdict) int {
	return slices.Index([]Verdict{"", Works, Held, NotTried, Exposed, Failed, Escaped}, v)
}

// known is an exposure that is not tried out, since that would hurt.
func known(why string) func(context.Context, *Attempt) Result {
	return func(context.Context, *Attempt) Result {
		return Result{Exposed, "", "known, and not done: " + why}
	}
}
