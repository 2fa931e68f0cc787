package report_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/run"
)

// browse opens a page in Chromium and returns what it wrote.
func browse(t *testing.T, text string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"--headless", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--user-data-dir=" + filepath.Join(dir, "profile"), "--virtual-time-budget=5000"}, flags...)
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // Chromium's own refuses root
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, _, err := run.Command(ctx, run.Spec{Name: "chromium", Args: append(args, "file://"+file)})
	if err != nil {
		t.Fatalf("%v (scripts/install-deps.sh test installs Chromium)", err)
	}
	return string(out)
}

var policyTag = regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`)

// driven is a page with one more script, which the page's own policy would
// not let run.
func driven(t *testing.T, text, script string) string {
	t.Helper()
	bare := policyTag.ReplaceAllString(text, "")
	if bare == text {
		t.Fatal("the page has no policy")
	}
	return strings.Replace(bare, "</body>", "<script>"+script+"</script></body>", 1)
}

var said = regexp.MustCompile(`(?s)<output id="said">(.*?)</output>`)

// ask runs a script in the page; say(...) in it adds a line to what it says.
func ask(t *testing.T, text, script string) []string {
	t.Helper()
	dom := browse(t, driven(t, text, `
const lines = [], say = (...words) => lines.push(words.join(' '));
const all = s => [...document.querySelectorAll(s)], one = s => document.querySelector(s), wait = () => new Promise(r => setTimeout(r, 300));
const key = (node, key) => node.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
const search = async text => { one('#search').value = text; one('#search').dispatchEvent(new Event('input')); await wait(); };
(async () => { try { `+script+` } catch (e) { say('failed: ' + e); }
  const o = document.createElement('output'); o.id = 'said'; o.textContent = lines.join('\n'); document.body.append(o); })();`), "--dump-dom")
	found := said.FindStringSubmatch(dom)
	if found == nil {
		t.Fatal("the script did not come to its end")
	}
	return strings.Split(found[1], "\n")
}

// TestPageInBrowser drives the page as somebody at the keyboard does.
func TestPageInBrowser(t *testing.T) {
	got := ask(t, page(t, model(town(6, numbered))), `
say(all('.tile b').map(b => b.textContent));
say(all('tbody tr').length, 'rows', all('i.certain').length - 1, 'red', all('#ring .way.certain').length, 'ways', all('#ways details').length, 'told');
const first = one('td button'); first.focus(); key(first, 'ArrowRight'); key(document.activeElement, 'ArrowDown');
say('at', document.activeElement.dataset.x, document.activeElement.dataset.y, all('td button[tabindex="0"]').length);
one('button[aria-label^="t0001 gets"]').click(); say(one('#explain').textContent.includes('t0001 gets at others’ data in t0003'), all('#explain details').length);
key(document.body, '/'); say(document.activeElement.id);
await search('t0005'); say(all('tbody th').map(x => x.textContent));
await search('nothing like it'); say(all('tbody tr').length, one('#list').textContent);
await search('');
const groups = all('#list .group').length; one('#filters .critical').click(); say(all('#list .group').length < groups, all('#list .critical').length, one('#filters .critical').getAttribute('aria-pressed'));
one('#theme').click(); const a = getComputedStyle(document.body).backgroundColor; one('#theme').click(); say(a !== getComputedStyle(document.body).backgroundColor);
dispatchEvent(new Event('beforeprint')); await wait(); say(all('details:not([open])').length, all('#list .group details').length === all('#list .group').length);
`)
	want := []string{"6,7,2,0,6", "6 rows 7 red 2 ways 2 told", "at 1 1 1", "true 1", "search", "t0005", "0 None of the findings fits.", "true 0 false", "true", "0 true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestPageOfAThousandTenants: what matters is seen at once, the rest is
// folded and found by its name.
func TestPageOfAThousandTenants(t *testing.T) {
	got := ask(t, page(t, model(town(1000, numbered))), `
say(all('tbody th').map(x => x.textContent)); say(one('#grid .rest').textContent);
say(one('#headline').textContent, all('#mosaic rect').length, all('#mosaic rect.certain').length, all('#mosaic rect.off').length);
one('#grid .rest button').click(); say(all('tbody tr').length);
await search('t0777'); say(all('tbody th').map(x => x.textContent), all('#mosaic rect.off').length);
one('#mosaic rect[data-t="5"]').dispatchEvent(new Event('click', { bubbles: true })); await wait(); say(one('#search').value, all('tbody th').map(x => x.textContent));
key(document.body, 'Escape'); await wait(); say(one('#search').value === '', all('#mosaic rect.off').length);
say(document.documentElement.scrollWidth <= innerWidth);
one('#grid .rest button').click(); dispatchEvent(new Event('beforeprint')); say(all('#grid table').length > 1, all('#grid table').every(t => t.querySelectorAll('thead th').length <= 39));
dispatchEvent(new Event('afterprint')); say(all('#grid table').length);
`)
	want := []string{"t0001,t0002", "998 more tenants, with nothing but their own house and what is open to allShow more", "2 of 1,000 tenants get at others’ data now. 1000 2 0", "52", "t0777 999", "t0005 t0005", "true 0", "true", "true true", "1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestHostileNamesInBrowser: names from the catalog run nothing, even where
// the page's policy is away.
func TestHostileNamesInBrowser(t *testing.T) {
	m := model(town(5, func(i int) string { return fmt.Sprint(hostile, i) }))
	got := ask(t, page(t, m), `say(all('img').length, document.title, one('tbody th').textContent.startsWith('<\/script><img'));`)
	if diff := cmp.Diff([]string{"0 Who reaches what: main true"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestPolicyInBrowser: the page's own script runs, and no other.
func TestPolicyInBrowser(t *testing.T) {
	text := page(t, model(town(5, numbered)))
	text = strings.Replace(text, "</body>", "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\"></body>", 1)
	dom := browse(t, text, "--dump-dom")
	if strings.Contains(dom, "<title>owned") || !strings.Contains(dom, `class="tile`) {
		t.Error("the policy lets strange scripts run, or stops the page's own")
	}
}

func TestPageOnPaper(t *testing.T) {
	pdf := filepath.Join(t.TempDir(), "page.pdf")
	browse(t, page(t, model(town(6, numbered))), "--print-to-pdf="+pdf)
	text, err := os.ReadFile(pdf)
	if err != nil || !strings.HasPrefix(string(text), "%PDF") {
		t.Errorf("%.20q, %v", text, err)
	}
}

// TestPaperIsWhite: the dark colours are for screens alone, chosen or not.
func TestPaperIsWhite(t *testing.T) {
	for line := range strings.Lines(page(t, model(town(1, numbered)))) {
		if strings.Contains(line, "color-scheme: dark;") && !strings.HasPrefix(line, "@media screen") {
			t.Errorf("%.80s", line)
		}
	}
}
