package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// verifyFor is how long a deployment may take from the end of apply until it
// answers as it should.
const verifyFor = 5 * time.Minute

// Verified is what Verify found in order.
type Verified struct {
	URL string `json:"url"`
}

// Verify checks over HTTP what a shopper needs: the page, the catalogue and the
// backend's health. It waits up to verifyFor for each to be right.
func (e *Environment) Verify(ctx context.Context) (*Verified, error) {
	cfg, err := e.prepare(ctx)
	if err != nil {
		return nil, err
	}
	shop := e.URL
	if shop == "" {
		o, err := e.stateOutputs(ctx, cfg)
		if err != nil {
			return nil, err
		}
		if shop = e.shopURL(o); shop == "" {
			return nil, errors.New("the shop has no address yet: grocery apply makes its balancer")
		}
	}
	return &Verified{shop}, e.verified(ctx, shop)
}

// verified is the step that checks the shop at an address.
func (e *Environment) verified(ctx context.Context, shop string) error {
	return e.step(ctx, "verify", func(ctx context.Context, info func(string, ...any)) error {
		return e.verify(ctx, shop, info)
	})
}

// shopClient is how ops visits the shop: through the proxy of the environment,
// as a browser would, but for names of this machine.
func shopClient(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{DialContext: dialLocalhost, DisableKeepAlives: true, Proxy: func(r *http.Request) (*url.URL, error) {
		if strings.HasSuffix(r.URL.Hostname(), ".localhost") {
			return nil, nil
		}
		return http.ProxyFromEnvironment(r)
	}}}
}

// verify checks through the balancer what a shopper needs: the page, the
// catalogue and the backend's health.
func (e *Environment) verify(ctx context.Context, shop string, info func(string, ...any)) error {
	ctx, cancel := context.WithTimeout(ctx, verifyFor)
	defer cancel()
	checks := []struct {
		path string
		good func(body []byte, header http.Header) error
	}{
		{"/health", func(b []byte, _ http.Header) error {
			var h struct{ Status, Database string }
			if json.Unmarshal(b, &h) != nil || h.Status != "OK" {
				return fmt.Errorf("status is %q", h.Status)
			}
			if h.Database == "down" {
				return errors.New("the backend does not reach its database; if its log says that the password is wrong, raise db_password_version in the tfvars file and deploy again")
			}
			return nil
		}},
		{"/api/products/all_products", func(b []byte, _ http.Header) error {
			var products []struct{ ID int }
			if err := json.Unmarshal(b, &products); err != nil {
				return err
			}
			if len(products) == 0 {
				return fmt.Errorf("the catalogue is empty")
			}
			info("catalogue: %d products", len(products))
			return nil
		}},
		{"/", func(b []byte, h http.Header) error {
			if !strings.HasPrefix(h.Get("Content-Type"), "text/html") || !strings.Contains(string(b), "<div id=\"root\"") {
				return fmt.Errorf("the answer is not the page")
			}
			return nil
		}},
	}
	client := shopClient(15 * time.Second)
	for _, c := range checks {
		for {
			err := get(ctx, client, shop+c.path, c.good)
			if err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s%s: %w (grocery status and grocery logs tell more)", shop, c.path, err)
			case <-time.After(time.Second):
			}
		}
	}
	return nil
}

func get(ctx context.Context, client *http.Client, url string, good func([]byte, http.Header) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	return good(body, resp.Header)
}

// dialLocalhost dials as a browser does: every name below .localhost is this
// machine (RFC 6761), whatever the resolver says.
func dialLocalhost(ctx context.Context, network, addr string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(addr); err == nil && strings.HasSuffix(host, ".localhost") {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, addr)
}
