package clienttest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// crowd is the clients of one application, at work until they are sent home.
// An error of any of them is an error of the test.
type crowd struct {
	t       *testing.T
	stop    atomic.Bool
	wait    sync.WaitGroup
	workers []*worker
	first   int // the number of the first client
	// called is how many rounds each client does in all; 0: as many as it can.
	called atomic.Int64
}

// worker is one client: it does rounds of the application's work, in one
// session or in one for each round.
type worker struct {
	crowd     *crowd
	name      string
	conninfo  string
	reconnect bool
	dawdle    time.Duration // how long, at most, it does nothing in the midst of a transaction
	prepared  bool          // by the extended protocol, with plans that are kept
	rounds    atomic.Int64
	failed    atomic.Bool
}

// gather starts clients: the first stays in its session, the second connects
// anew for each round, and so on. They connect with the strings in turn.
func gather(t *testing.T, n int, dawdle time.Duration, conninfos ...string) *crowd {
	c := &crowd{t: t}
	c.begin(n, dawdle, conninfos...)
	if c.everybody(2); c.failed() {
		c.home()
		t.Fatal("the application does not work as it is")
	}
	return c
}

// onCall starts clients that do a round each when they are called, and
// otherwise wait: for tests that change nothing while they work.
func onCall(t *testing.T, n int, conninfos ...string) *crowd {
	c := &crowd{t: t, first: 100} // not the rows of those who work all the while
	c.called.Store(1)
	c.begin(n, 0, conninfos...)
	if c.call(); c.failed() {
		c.home()
		t.Fatal("the application does not work as it is")
	}
	return c
}

// call lets every client do one more round, and waits for it.
func (c *crowd) call() {
	c.t.Helper()
	c.called.Add(1)
	for _, w := range c.workers {
		w.reaches(c.called.Load())
	}
}

func (c *crowd) begin(n int, dawdle time.Duration, conninfos ...string) {
	for i := range n {
		w := &worker{crowd: c, conninfo: conninfos[i%len(conninfos)], dawdle: dawdle, reconnect: i%2 == 1, prepared: i%3 == 0}
		w.name = fmt.Sprintf("client %d (reconnects: %v)", i+1, w.reconnect)
		c.workers = append(c.workers, w)
	}
	for i, w := range c.workers {
		c.wait.Go(func() { w.work(c.first + i) })
	}
}

// everybody waits until each client has done some more whole rounds.
func (c *crowd) everybody(rounds int64) {
	c.t.Helper()
	var until []int64
	for _, w := range c.workers {
		until = append(until, w.rounds.Load()+rounds)
	}
	for i, w := range c.workers {
		w.reaches(until[i])
	}
}

// reaches waits until a client has done so many rounds.
func (w *worker) reaches(rounds int64) {
	w.crowd.t.Helper()
	for deadline := time.Now().Add(time.Minute); w.rounds.Load() < rounds && !w.failed.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.crowd.t.Fatalf("%s does nothing any more", w.name)
		}
	}
}

// failed says whether any client has seen an error.
func (c *crowd) failed() bool {
	return slices.ContainsFunc(c.workers, func(w *worker) bool { return w.failed.Load() })
}

// home ends the work, and returns how many rounds there were.
func (c *crowd) home() (rounds int64) {
	c.stop.Store(true)
	c.wait.Wait()
	for _, w := range c.workers {
		rounds += w.rounds.Load()
	}
	return rounds
}

func (w *worker) work(number int) {
	ctx := context.Background()
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close(ctx)
		}
	}()
	random := rand.New(rand.NewPCG(1, uint64(number)))
	for !w.crowd.stop.Load() {
		if called := w.crowd.called.Load(); called > 0 && w.rounds.Load() >= called {
			time.Sleep(time.Millisecond)
			continue
		}
		err := w.round(ctx, &conn, random, number)
		if err != nil {
			w.failed.Store(true)
			w.crowd.t.Errorf("%s: %v", w.name, err)
			return
		}
		w.rounds.Add(1)
	}
}

// round is one transaction over every kind of object, its statements in any
// order.
func (w *worker) round(ctx context.Context, conn **pgx.Conn, random *rand.Rand, number int) error {
	if w.reconnect && *conn != nil {
		_ = (*conn).Close(ctx)
		*conn = nil
	}
	if *conn == nil {
		cfg, err := pgx.ParseConfig(w.conninfo)
		if err != nil {
			return err
		}
		if !w.prepared {
			cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
		}
		if *conn, err = pgx.ConnectConfig(ctx, cfg); err != nil {
			return err
		}
	}
	work := slices.Clone(crud)
	random.Shuffle(len(work), func(i, j int) { work[i], work[j] = work[j], work[i] })
	return pgx.BeginFunc(ctx, *conn, func(tx pgx.Tx) error {
		for _, sql := range work {
			if _, err := tx.Exec(ctx, strings.ReplaceAll(sql, "CLIENT", fmt.Sprint(number))); err != nil {
				return fmt.Errorf("%w: %s", err, sql)
			}
			if w.dawdle > 0 && random.IntN(8) == 0 {
				time.Sleep(time.Duration(random.Int64N(int64(w.dawdle))))
			}
		}
		return nil
	})
}

// crud is the application's work; CLIENT is the client, each of which has rows
// of its own, so that none waits for another.
var crud = []string{
	"INSERT INTO customers (id, name) VALUES (CLIENT, 'somebody') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
	"INSERT INTO orders (customer, item) SELECT id, 'thing' FROM customers WHERE id = CLIENT",
	"UPDATE orders SET item = 'other' WHERE customer = CLIENT",
	"SELECT count(*) FROM orders WHERE customer = CLIENT",
	"SELECT * FROM order_list WHERE customer = CLIENT",
	"SELECT * FROM open_orders WHERE customer = CLIENT",
	"SELECT * FROM totals LIMIT 1",
	"SELECT nextval('tickets')",
	"SELECT nextval('orders_id_seq')", // before it has the table, as some libraries do
	"SELECT order_count(CLIENT)",
	"SELECT order_count_as_owner(CLIENT)",
	"INSERT INTO audit.log (who, what) VALUES (CLIENT, 'came by')",
	"INSERT INTO measures (at, client) VALUES (now(), CLIENT)",
	"DELETE FROM measures WHERE client = CLIENT",
	"SELECT * FROM audit.last_visits LIMIT 1",
	"DELETE FROM customers WHERE id = CLIENT",
	"CREATE TEMPORARY TABLE scratch_CLIENT (id int) ON COMMIT DROP",
	"SELECT typed(ARRAY[ROW(1, 2)::pair])",
}

// objects are what the application works on, made by whoever runs them: tables
// with serial and identity columns, foreign keys with cascades, a partitioned
// table, views on views, a materialized view, functions, a trigger that
// writes elsewhere, a sequence and a type.
const objects = `
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id serial PRIMARY KEY, customer int NOT NULL REFERENCES customers ON DELETE CASCADE, item text);
CREATE TABLE measures (id bigint GENERATED BY DEFAULT AS IDENTITY, at timestamptz NOT NULL, client int) PARTITION BY RANGE (at);
CREATE TABLE measures_old PARTITION OF measures FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE measures_new PARTITION OF measures FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
CREATE SEQUENCE tickets;
CREATE TYPE pair AS (a int, b int);
CREATE VIEW order_list AS SELECT o.id, o.customer, c.name, o.item FROM orders o JOIN customers c ON c.id = o.customer;
CREATE VIEW open_orders AS SELECT id, customer FROM order_list WHERE item IS NOT NULL;
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM orders;
CREATE FUNCTION order_count(c int) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM order_list WHERE customer = c';
CREATE FUNCTION order_count_as_owner(c int) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS 'SELECT count(*) FROM open_orders WHERE customer = c';
CREATE FUNCTION typed(pair[]) RETURNS int LANGUAGE sql AS 'SELECT array_length($1, 1)';
CREATE TABLE audit.log (at timestamptz DEFAULT now(), id serial, who int, what text);
CREATE VIEW audit.last_visits AS SELECT who, max(at) FROM audit.log GROUP BY who;
CREATE FUNCTION note_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS
  'BEGIN INSERT INTO audit.log (who, what) VALUES (NEW.customer, TG_OP); RETURN NEW; END';
CREATE TRIGGER note AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION note_order();
`
