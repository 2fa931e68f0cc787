package term

import (
	"fmt"
	"io"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Progress tells how far long work has come: a bar on a terminal, a line per
// finished item in a log, nothing when quiet. Its methods may be called from
// many goroutines. The zero value is quiet.
type Progress struct {
	mu    sync.Mutex
	log   io.Writer // nil on a terminal and when quiet
	bars  *mpb.Progress
	bar   *mpb.Bar
	done  int
	total int
}

// NewProgress starts the progress of work on a number of items, called what
// ("applying"). w is where talk goes, usually standard error, and l its look.
// Nothing is shown where quiet.
func NewProgress(w io.Writer, l Look, what string, total int, quiet bool) *Progress {
	p := &Progress{total: total}
	switch {
	case quiet || total <= 0:
	case l.Terminal:
		p.bars = mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh(), mpb.WithWidth(max(10, min(l.Width-40, 50))))
		p.bar = p.bars.New(int64(total), barStyle(l), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(Clean(what)+" ")),
			mpb.AppendDecorators(decor.CountersNoUnit(" %d/%d"), decor.Elapsed(decor.ET_STYLE_GO, decor.WC{W: 7})))
	default:
		p.log = w
	}
	return p
}

func barStyle(l Look) mpb.BarStyleComposer {
	if l.Unicode {
		return mpb.BarStyle().Lbound("▕").Filler("█").Tip("▌").Padding(" ").Rbound("▏")
	}
	return mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]")
}

// Done counts an item as finished. A log gets "item: outcome (12/50)".
func (p *Progress) Done(item, outcome string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if p.bar != nil {
		p.bar.Increment()
	}
	if p.log != nil {
		fmt.Fprintf(p.log, "%s: %s (%d/%d)\n", Clean(item), Clean(outcome), p.done, p.total)
	}
}

// Say writes a line: above the bar on a terminal, as it is into a log.
func (p *Progress) Say(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch line = Clean(line) + "\n"; {
	case p.bars != nil:
		io.WriteString(p.bars, line)
	case p.log != nil:
		io.WriteString(p.log, line)
	}
}

// Close ends the progress and takes the bar away, whether or not all is
// done. Nothing may be said or counted after it.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar == nil {
		return
	}
	p.bar.Abort(true)
	p.bars.Wait()
	p.bar, p.bars = nil, nil
}
