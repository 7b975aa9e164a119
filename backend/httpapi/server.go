package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	shop "grocery/backend"
	"grocery/backend/auth"
	"grocery/backend/avatar"
)

// Config is what a Server needs.
type Config struct {
	Version     string   // shown by /health
	CORSOrigins []string // origins of other hosts whose pages may call the API
	Log         *slog.Logger

	Database   shop.DatabaseService
	Users      shop.UserService
	Sessions   shop.SessionService
	Catalogue  shop.CatalogueService
	Baskets    shop.BasketService
	Favourites shop.FavouriteService
	Orders     shop.OrderService
	Payments   shop.PaymentProvider // nil: cards are not accepted
	Reviews    shop.ReviewService
	Search     shop.SearchService
	Tokens     *auth.Tokens
	Hasher     *auth.Hasher
	Avatars    avatar.Store // nil: pictures cannot be uploaded

	// Observer is told of each request and event; nil when nobody is.
	Observer Observer
	// LoginFloor is the least time a refused login takes, so that the time does
	// not tell why it was refused. Zero means 250 ms.
	LoginFloor time.Duration
	// Now is the clock, for tests; nil means the real one.
	Now func() time.Time
}

// Observer counts and traces what the server does.
type Observer interface {
	// Begin is called when a request arrives, and may set headers of its answer. The
	// context is for all that is done for it; traceID is empty when it is not traced.
	// done is called at its end, with the pattern of its route and the time it took.
	Begin(w http.ResponseWriter, r *http.Request) (ctx context.Context, traceID string, done func(route string, status int, took time.Duration))
	// Event is called for each event of the audit log.
	Event(name string)
}

// Server is the shop's HTTP interface.
type Server struct {
	Config
	catalogue *catalogueCache
	checkout  *shop.Checkout
	logins    *throttle     // by account and client
	clients   *throttle     // logins by client, whatever the account
	guesses   *throttle     // logins by account, whatever the client
	signups   *throttle     // registrations by client
	refreshes *throttle     // renewals of sessions by client
	guests    *throttle     // requests of guests by client
	accounts  *throttle     // requests by account
	changes   *throttle     // of the catalogue by account: every server reads it again
	uploads   *throttle     // pictures by account
	places    chan struct{} // held by each picture that is received
	origins   *http.CrossOriginProtection
	closing   atomic.Bool
	handler   http.Handler
}

// New returns a Server.
func New(c Config) *Server {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.LoginFloor == 0 {
		c.LoginFloor = 250 * time.Millisecond
	}
	s := &Server{
		Config:    c,
		catalogue: newCatalogueCache(c.Catalogue),
		checkout:  &shop.Checkout{Orders: c.Orders, Payments: c.Payments, Log: c.Log},
		logins:    newThrottle(10, 15*time.Second, c.Now),
		clients:   newThrottle(100, time.Second, c.Now),
		guesses:   newThrottle(100, 10*time.Second, c.Now),
		signups:   newThrottle(60, 2*time.Second, c.Now),
		refreshes: newThrottle(120, time.Second, c.Now),
		guests:    newThrottle(1000, 5*time.Millisecond, c.Now),
		accounts:  newThrottle(600, 20*time.Millisecond, c.Now),
		changes:   newThrottle(100, time.Second, c.Now),
		uploads:   newThrottle(20, 15*time.Second, c.Now),
		places:    make(chan struct{}, uploadsAtOnce),
	}
	s.origins = http.NewCrossOriginProtection()
	for _, origin := range c.CORSOrigins {
		if err := s.origins.AddTrustedOrigin(origin); err != nil {
			c.Log.Error("no page can be of that origin", "error", err)
		}
	}
	s.handler = s.withRequest(s.withHeaders(s.withCORS(s.mux())))
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Closing makes /ready refuse, so that a load balancer sends no more requests while
// the server finishes those it has.
func (s *Server) Closing() { s.closing.Store(true) }

// Route is one method and path that is served. Path is a pattern of net/http.
type Route struct {
	Method, Path string
	handler      http.HandlerFunc
}

// Routes returns everything that is served.
func (s *Server) Routes() []Route {
	get, post := http.MethodGet, http.MethodPost
	return []Route{
		{get, "/health", s.quick(s.getHealth)},
		{get, "/ready", s.open(s.getReady)},
		{get, "/api/openapi.yaml", s.quick(s.getOpenAPI)},

		{get, "/api/products/all_products", s.quick(s.getProducts)},
		{get, "/api/products/{id}", s.quick(s.getProduct)},
		{post, "/api/products/{id}/add-review", s.changing(s.addReview)},
		{http.MethodPut, "/api/products/{id}/update-review", s.changing(s.updateReview)},
		{http.MethodDelete, "/api/products/{id}/remove-review", s.changing(s.removeReview)},

		{post, "/api/auth/register", s.open(s.register)},
		{post, "/api/auth/login", s.open(s.login)},

		{get, "/api/me/info", s.signedIn(s.getInfo)},
		{get, "/api/me/all-users", s.signedIn(s.getReviewers)},
		{post, "/api/me/avatar", s.uploading(s.uploadAvatar)},
		{get, "/api/me/avatar/{filename}", s.open(s.getAvatar)},
		{get, "/api/me/favorites", s.signedIn(s.getFavourites)},
		{post, "/api/me/favorites", s.signedIn(s.addFavourite)},
		{post, "/api/me/favorites/remove", s.signedIn(s.removeFavourite)},
		{get, "/api/me/basket", s.signedIn(s.getBasket)},
		{post, "/api/me/basket", s.signedIn(s.replaceBasket)},
		{post, "/api/me/basket/remove", s.signedIn(s.removeFromBasket)},
		{post, "/api/me/purchase", s.signedIn(s.purchase)},
		{get, "/api/me/purchased-products", s.signedIn(s.getPurchasedProducts)},

		{get, "/api/v1/products", s.current(s.searchProducts)},
		{get, "/api/v1/products/{id}", s.current(s.getProductV1)},
		{get, "/api/v1/categories", s.current(s.getCategories)},
		{get, "/api/v1/products/{id}/reviews", s.optional(s.getReviews)},
		{http.MethodPut, "/api/v1/products/{id}/review", s.changing(s.putReview)},
		{http.MethodDelete, "/api/v1/products/{id}/review", s.changing(s.deleteReview)},
		{get, "/api/v1/me/favourites", s.signedIn(s.getFavouritesV1)},
		{http.MethodPut, "/api/v1/me/favourites/{id}", s.signedIn(s.putFavourite)},
		{http.MethodDelete, "/api/v1/me/favourites/{id}", s.signedIn(s.deleteFavourite)},

		{post, "/api/v1/basket/quote", s.open(s.quoteBasket)},
		{get, "/api/v1/me/basket", s.signedIn(s.getBasketV1)},
		{http.MethodDelete, "/api/v1/me/basket", s.signedIn(s.clearBasket)},
		{http.MethodPut, "/api/v1/me/basket/items/{id}", s.signedIn(s.putBasketItem)},
		{http.MethodDelete, "/api/v1/me/basket/items/{id}", s.signedIn(s.deleteBasketItem)},
		{post, "/api/v1/me/basket/merge", s.signedIn(s.mergeBasket)},
		{get, "/api/v1/payment-methods", s.quick(s.getPaymentMethods)},
		{get, "/api/v1/orders", s.signedIn(s.getOrders)},
		{post, "/api/v1/orders", s.signedIn(s.placeOrder)},
		{get, "/api/v1/orders/{id}", s.signedIn(s.getOrder)},
		{get, "/api/v1/orders/{id}/receipt", s.signedIn(s.getReceipt)},
		{post, "/api/v1/orders/{id}/reorder", s.signedIn(s.reorder)},

		{post, "/api/v1/auth/register", s.fromShop(s.open(s.signUp))},
		{post, "/api/v1/auth/login", s.fromShop(s.open(s.signIn))},
		{post, "/api/v1/auth/refresh", s.fromShop(s.open(s.refreshSession))},
		{post, "/api/v1/auth/logout", s.fromShop(s.open(s.signOut))},
		{post, "/api/v1/auth/logout-everywhere", s.fromShop(s.signedIn(s.signOutEverywhere))},
		{get, "/api/v1/me", s.signedIn(s.getMe)},
		{http.MethodPatch, "/api/v1/me", s.signedIn(s.updateMe)},
		{http.MethodDelete, "/api/v1/me", s.signedIn(s.deleteMe)},
		{post, "/api/v1/me/password", s.signedIn(s.changePassword)},
		{http.MethodPut, "/api/v1/me/avatar", s.uploading(s.putAvatar)},
		{http.MethodDelete, "/api/v1/me/avatar", s.signedIn(s.deleteAvatar)},
		{post, "/api/v1/me/age", s.signedIn(s.confirmAge)},
	}
}

// mux routes what is served, answers 405 to other methods of a served path and 404
// to everything else, always as JSON.
func (s *Server) mux() http.Handler {
	mux := http.NewServeMux()
	var methods []string
	for _, r := range s.Routes() {
		mux.HandleFunc(r.Method+" "+r.Path, r.handler)
		if !slices.Contains(methods, r.Method) {
			methods = append(methods, r.Method)
		}
	}
	const rest = "/"
	mux.HandleFunc(rest, func(w http.ResponseWriter, r *http.Request) {
		var allow []string
		for _, method := range methods {
			other := *r
			other.Method = method
			if _, pattern := mux.Handler(&other); pattern != rest {
				allow = append(allow, method)
			}
		}
		if len(allow) == 0 {
			s.fail(w, r, shop.Errorf(shop.ENOTFOUND, "Not found"))
			return
		}
		w.Header().Set("Allow", strings.Join(append(allow, http.MethodOptions), ", "))
		body := map[string]string{"error": "Method not allowed"}
		if isV1(r) {
			body["code"] = "method_not_allowed"
		}
		writeJSON(w, http.StatusMethodNotAllowed, body)
	})
	return mux
}

// requestTimeout bounds how long a request may wait for the database.
const requestTimeout = 15 * time.Second

type handler func(http.ResponseWriter, *http.Request) error

// timed serves a route within requestTimeout.
func (s *Server) timed(fn handler) http.HandlerFunc {
	return s.quick(func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		return fn(w, r.WithContext(ctx))
	})
}

// open serves a route to anybody, as often as a client may ask.
func (s *Server) open(fn handler) http.HandlerFunc {
	return s.timed(func(w http.ResponseWriter, r *http.Request) error {
		if err := s.admit(r); err != nil {
			return err
		}
		return fn(w, r)
	})
}

// admit refuses a guest whose client has asked too often. A client that cannot be told
// from others has no bound: it would be theirs too.
func (s *Server) admit(r *http.Request) error {
	addr, told := client(r)
	if !told {
		return nil
	}
	if wait, ok := s.guests.take(addrKey(addr)); !ok {
		return tooMany(wait)
	}
	return nil
}

// quick serves a route to anybody that waits for nothing, or for no longer than it allows
// itself.
func (s *Server) quick(fn handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := fn(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// signedIn serves a route to the bearer of a token. Who that is comes from the token
// alone, never from the request's content.
func (s *Server) signedIn(fn func(w http.ResponseWriter, r *http.Request, userID int64) error) http.HandlerFunc {
	return s.timed(func(w http.ResponseWriter, r *http.Request) error {
		r, err := s.identify(r)
		if err != nil {
			return err
		}
		return fn(w, r, identity(r).User.ID)
	})
}

// changing is signedIn for what changes the catalogue: more seldom.
func (s *Server) changing(fn func(w http.ResponseWriter, r *http.Request, userID int64) error) http.HandlerFunc {
	return s.signedIn(func(w http.ResponseWriter, r *http.Request, userID int64) error {
		if wait, ok := s.changes.take(accountKey(userID)); !ok {
			return tooMany(wait)
		}
		return fn(w, r, userID)
	})
}

// fromShop keeps browsers from using a route, which sets or reads the cookie of a session, for
// pages that are neither of the API's own origin nor of an allowed one. Clients that are
// no browsers send nothing that tells where they come from, and are served.
func (s *Server) fromShop(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.origins.Check(r); err != nil {
			s.fail(w, r, &shop.Error{Code: shop.EFORBIDDEN, Message: "The request must come from the shop's page.", Reason: "cross_origin", Err: err})
			return
		}
		handler(w, r)
	}
}

// optional serves a route to anybody, and knows the bearer of a token: userID is 0
// without one. A token that is not acceptable is refused, so that its bearer renews it.
func (s *Server) optional(fn func(w http.ResponseWriter, r *http.Request, userID int64) error) http.HandlerFunc {
	return s.timed(func(w http.ResponseWriter, r *http.Request) error {
		if r.Header.Get("Authorization") == "" {
			if err := s.admit(r); err != nil {
				return err
			}
			return fn(w, r, 0)
		}
		r, err := s.identify(r)
		if err != nil {
			return err
		}
		return fn(w, r, identity(r).User.ID)
	})
}

// current serves to anybody what is the same for everybody, to the bearer of a token not
// as it was before what they have just done. Nothing else depends on the token: one that
// is not acceptable, or cannot be looked up, makes a guest.
func (s *Server) current(fn handler) http.HandlerFunc {
	return s.timed(func(w http.ResponseWriter, r *http.Request) error {
		if r.Header.Get("Authorization") != "" && s.Database.State().Primary == "up" {
			known, err := s.identify(r)
			if err == nil {
				return fn(w, known)
			}
			if shop.ErrorCode(err) == shop.ETOOMANY {
				return err
			}
		}
		if err := s.admit(r); err != nil {
			return err
		}
		return fn(w, r)
	})
}
