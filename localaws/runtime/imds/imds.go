package imds

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/runtime"
)

const (
	tokenHeader = "X-Aws-Ec2-Metadata-Token"
	ttlHeader   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	maxTTL      = 21600 // seconds
)

// Options configure a Service.
type Options struct {
	Source Source
	Now    func() time.Time // nil: time.Now
	// Key signs tokens; nil draws one, so that tokens end with the process
	// and clients fetch new ones.
	Key []byte
	Log *slog.Logger
}

// Service answers metadata requests.
type Service struct {
	o   Options
	key []byte
}

// New returns a service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{o: o, key: o.Key}
	if s.key == nil {
		s.key = []byte(rand.Text())
	}
	return s
}

type connKey struct{}

// Serve answers at 169.254.169.254 in a network until stop is called or the
// network is removed.
func (s *Service) Serve(ctx context.Context, rt runtime.Networks, networkID string) (stop func(), err error) {
	ln, err := rt.ListenNetwork(ctx, networkID, netip.AddrPortFrom(runtime.MetadataAddr, 80))
	if err != nil {
		return nil, err
	}
	srv := &http.Server{
		Handler:           s.Handler(networkID),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	go func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			s.o.Log.Warn("metadata service ended", "network", networkID, "error", err)
		}
	}()
	return func() { srv.Close() }, nil
}

// Handler answers the requests of one network.
func (s *Service) Handler(networkID string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "EC2ws")
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			status(w, http.StatusBadRequest)
			return
		}
		inst, ok, err := s.o.Source.Instance(r.Context(), networkID, peer.Addr().Unmap())
		switch {
		case err != nil:
			s.o.Log.Error("instance metadata", "network", networkID, "address", peer.Addr(), "error", err)
			status(w, http.StatusInternalServerError)
		case !ok:
			status(w, http.StatusNotFound)
		case inst.Disabled:
			status(w, http.StatusForbidden)
		case r.URL.Path == "/latest/api/token":
			s.token(w, r, inst)
		default:
			s.get(w, r, inst)
		}
	})
}

// token opens a session.
func (s *Service) token(w http.ResponseWriter, r *http.Request, inst Instance) {
	if r.Method != http.MethodPut {
		status(w, http.StatusMethodNotAllowed)
		return
	}
	// A request that came through a proxy is not the instance's own.
	if r.Header.Get("X-Forwarded-For") != "" {
		status(w, http.StatusForbidden)
		return
	}
	ttl, err := strconv.Atoi(r.Header.Get(ttlHeader))
	if err != nil || ttl < 1 || ttl > maxTTL {
		status(w, http.StatusBadRequest)
		return
	}
	if c, ok := r.Context().Value(connKey{}).(net.Conn); ok {
		if err := limitHops(c, max(inst.HopLimit, 1)); err != nil {
			s.o.Log.Error("limiting the hops of a token", "instance", inst.ID, "error", err)
			status(w, http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set(ttlHeader, strconv.Itoa(ttl))
	text(w, []byte(s.sign(inst.ID, s.o.Now().Add(time.Duration(ttl)*time.Second))))
}

// sign makes a token: its end, and a proof that we made it for this instance.
func (s *Service) sign(instanceID string, until time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(until.UnixNano()))
	mac := hmac.New(sha256.New, s.key)
	mac.Write(b)
	mac.Write([]byte(instanceID))
	return base64.URLEncoding.EncodeToString(mac.Sum(b))
}

// valid reports whether a token is ours, this instance's and not over.
func (s *Service) valid(instanceID, token string) bool {
	b, err := base64.URLEncoding.DecodeString(token)
	if err != nil || len(b) < 8 {
		return false
	}
	until := time.Unix(0, int64(binary.BigEndian.Uint64(b)))
	return hmac.Equal([]byte(token), []byte(s.sign(instanceID, until))) && s.o.Now().Before(until)
}

var version = regexp.MustCompile(`^(latest|1\.0|\d{4}-\d{2}-\d{2})$`)

// get reads the metadata tree.
func (s *Service) get(w http.ResponseWriter, r *http.Request, inst Instance) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		status(w, http.StatusMethodNotAllowed)
		return
	}
	if !s.valid(inst.ID, r.Header.Get(tokenHeader)) {
		status(w, http.StatusUnauthorized)
		return
	}
	ver, path, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	if ver == "" {
		text(w, []byte("1.0\n2021-07-15\nlatest"))
		return
	}
	if !version.MatchString(ver) {
		status(w, http.StatusNotFound)
		return
	}
	body, ok, err := s.read(r.Context(), inst, path)
	switch {
	case err != nil:
		s.o.Log.Error("instance metadata", "instance", inst.ID, "path", path, "error", err)
		status(w, http.StatusInternalServerError)
	case !ok:
		status(w, http.StatusNotFound)
	default:
		text(w, body)
	}
}

func text(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that went away is none of our business
}

func status(w http.ResponseWriter, code int) {
	http.Error(w, strconv.Itoa(code)+" - "+http.StatusText(code), code)
}
