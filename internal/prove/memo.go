package prove

import "sync"

// memo keeps answers that are the same for several logins.
type memo struct {
	mu      sync.Mutex
	answers map[string]Result
}

// once gives the answer kept under a key, or finds and keeps it. An answer
// that taught nothing is not kept.
func (m *memo) once(key string, find func() Result) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.answers[key]; ok {
		return r
	}
	r := find()
	if r.Verdict == NotTried || r.Verdict == "" {
		return r
	}
	if m.answers == nil {
		m.answers = map[string]Result{}
	}
	m.answers[key] = r
	return r
}
