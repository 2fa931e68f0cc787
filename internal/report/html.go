package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
)

var (
	//go:embed page.html
	page string
	//go:embed page.css
	style string
	//go:embed page.js
	script string
)

// HTML writes the page: one file that needs nothing else. Its policy (Content
// Security Policy Level 2, hashes) lets run no script but the page's own and
// lets nothing be fetched, so that a name could do no harm even if it came to
// stand as markup. Names come as JSON, in which <, > and & are escaped.
func HTML(w io.Writer, m Model) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("the page's data: %w", err)
	}
	t, err := template.New("report").Parse(page)
	if err != nil {
		return fmt.Errorf("the page's template: %w", err)
	}
	return t.Execute(w, map[string]any{
		"Model": m, "Data": template.JS(data), "Style": template.CSS(style), "Script": template.JS(script),
		"Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; script-src " + hash(script) + "; style-src " + hash(style),
	})
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
