package cli

import (
	gobytes "bytes"
	"context"
	"fmt"
	"slices"

	"landlord"
	"landlord/internal/tenant"
)

// refresh gives what is wanted as it is now. It is asked under landlord's
// lock, so that of many commands at once each carries out what the last edit
// of the spec says, and none brings back what another has taken away.
type refresh func(context.Context) (tenant.Estate, error)

// specNow reads the spec again, if it is not as it was.
func (a *app) specNow(context.Context) (tenant.Estate, error) {
	text, err := readFile(a.file)
	if err == nil && gobytes.Equal(text, a.seen.text) {
		return a.seen.estate, nil
	}
	return a.load()
}

// unchanged reads the spec again for an apply. Who has agreed to a plan by
// typing has not agreed to what somebody has written since; --yes has.
func (a *app) unchanged(s scope, yes bool) refresh {
	text, estate := a.seen.text, a.seen.estate
	return func(context.Context) (tenant.Estate, error) {
		now, err := readFile(a.file)
		switch {
		case err != nil:
			return tenant.Estate{}, usageError{err}
		case gobytes.Equal(now, text):
			return estate, nil
		case !yes:
			return tenant.Estate{}, fmt.Errorf("%s has been changed since you agreed: nothing was changed on the server; run it again", a.file)
		}
		e, err := a.load()
		if err == nil {
			err = tenants(e, s.tenants)
		}
		return e, err
	}
}

// still is a refresh that fails where the tenant is there no more.
func still(name string, f refresh) refresh {
	return func(ctx context.Context) (tenant.Estate, error) {
		e, err := f(ctx)
		if err != nil {
			return e, err
		}
		if _, ok := e.Tenant(name); !ok {
			return e, fmt.Errorf("somebody has removed tenant %s meanwhile", name)
		}
		return e, nil
	}
}

// without is a refresh of which a tenant is taken away.
func without(name string, f refresh) refresh {
	if f == nil {
		return nil
	}
	return func(ctx context.Context) (tenant.Estate, error) {
		e, err := f(ctx)
		return withoutTenant(e, name), err
	}
}

// withoutTenant is the estate with a tenant taken away.
func withoutTenant(e tenant.Estate, name string) tenant.Estate {
	e.Tenants = slices.DeleteFunc(slices.Clone(e.Tenants), func(t tenant.Tenant) bool { return t.Name == name })
	return e
}

// leaving refuses to take a tenant away whose door somebody has opened since its
// data were kept (as adding it again does), or to whom somebody has given a
// database since it was shown what goes.
func leaving(s tenant.Server, shown landlord.Status) func(context.Context, []tenant.Tenant) error {
	return func(ctx context.Context, gone []tenant.Tenant) error {
		for _, t := range gone {
			if !t.Suspended && !stillUnbuilt(ctx, s, shown) {
				return fmt.Errorf("somebody has opened tenant %s again meanwhile: it stays; remove it again if it is to go", t.Name)
			}
			for _, p := range t.Places() {
				if !shown.In(p.Database) {
					return fmt.Errorf("tenant %s has got database %s since you agreed: it stays, and is suspended; remove it again if it is to go", t.Name, p.Database)
				}
			}
		}
		return nil
	}
}

// stillUnbuilt says that a tenant had no database when it was shown, and has none.
func stillUnbuilt(ctx context.Context, s tenant.Server, shown landlord.Status) bool {
	if !shown.Unbuilt() {
		return false
	}
	now, err := landlord.List(ctx, s, shown.Name)
	return err == nil && len(now) == 1 && now[0].Unbuilt()
}

// closed is a refresh in which a tenant is suspended, whether the spec has it
// or not.
func closed(t tenant.Tenant, f refresh) refresh {
	if f == nil {
		return nil
	}
	return func(ctx context.Context) (tenant.Estate, error) {
		e, err := f(ctx)
		return withClosed(e, t), err
	}
}

// withClosed is the estate with a tenant in it that is suspended.
func withClosed(e tenant.Estate, t tenant.Tenant) tenant.Estate {
	e.Tenants = slices.Clone(e.Tenants)
	i := slices.IndexFunc(e.Tenants, func(x tenant.Tenant) bool { return x.Name == t.Name })
	if i < 0 {
		i, e.Tenants = len(e.Tenants), append(e.Tenants, t)
	}
	e.Tenants[i].Suspended = true
	return e
}
