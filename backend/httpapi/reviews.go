package httpapi

import (
	"net/http"
	"strconv"
	"time"

	shop "grocery/backend"
)

type reviewV1 struct {
	ID        int64     `json:"id"`
	Author    string    `json:"author"`
	AvatarURL *string   `json:"avatar_url"` // null for an author who is no user
	Rating    float64   `json:"rating"`
	Comment   string    `json:"comment"`
	CreatedAt time.Time `json:"created_at"`
	Verified  bool      `json:"verified"`
	Mine      bool      `json:"mine"`
}

func newReviewV1(r shop.ShownReview, caller int64) reviewV1 {
	v := reviewV1{ID: r.ID, Author: r.Author, Rating: r.Rating, Comment: r.Comment, CreatedAt: r.CreatedAt.UTC(), Verified: r.Verified, Mine: caller != 0 && r.UserID == caller}
	if r.Avatar != "" {
		v.AvatarURL = new(avatarURL(r.Avatar))
	}
	return v
}

// getReviews sends a page of the reviews of a product. A token is not needed; with one
// the caller's own review is marked, and whether they may write one is told.
func (s *Server) getReviews(w http.ResponseWriter, r *http.Request, caller int64) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	q := shop.ReviewQuery{ProductID: id, Caller: caller, Sort: shop.ReviewsNewest, Limit: 10}
	values := r.URL.Query()
	switch sort := shop.ReviewSort(values.Get("sort")); sort {
	case "":
	case shop.ReviewsNewest, shop.ReviewsHighest, shop.ReviewsLowest:
		q.Sort = sort
	default:
		return shop.Errorf(shop.EINVALID, "sort must be one of newest, highest and lowest")
	}
	if v := values.Get("limit"); v != "" {
		if q.Limit, err = strconv.Atoi(v); err != nil || q.Limit < 1 || q.Limit > shop.MaxPageSize {
			return shop.Errorf(shop.EINVALID, "limit must be a whole number from 1 to %d", shop.MaxPageSize)
		}
	}
	scope := "reviews " + strconv.FormatInt(id, 10) + " " + string(q.Sort)
	if c := values.Get("cursor"); c != "" {
		q.After = &shop.ReviewKey{}
		if err := readCursor(c, scope, q.After); err != nil {
			return err
		}
	}
	page, err := s.Reviews.ProductReviews(r.Context(), q)
	if err != nil {
		return err
	}
	items := make([]reviewV1, len(page.Reviews))
	for i, review := range page.Reviews {
		items[i] = newReviewV1(review, q.Caller)
	}
	var next, mine any
	if page.Next != nil {
		next = newCursor(scope, page.Next)
	}
	if page.Mine != nil {
		mine = newReviewV1(*page.Mine, q.Caller)
	}
	summary := ratingV1{Count: page.Rating.Count}
	if summary.Count > 0 {
		summary.Average = &page.Rating.Average
	}
	byRating := map[string]int{}
	for i, n := range page.ByRating {
		byRating[strconv.Itoa(i+1)] = n
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"items": items, "next_cursor": next, "mine": mine, "can_review": page.CanReview,
		"summary": map[string]any{"average": summary.Average, "count": summary.Count, "by_rating": byRating},
	})
	return nil
}

// putReview stores the caller's review of a product.
func (s *Server) putReview(w http.ResponseWriter, r *http.Request, userID int64) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	var in struct {
		Rating  *number `json:"rating"`
		Comment string  `json:"comment"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if in.Rating == nil {
		return shop.Errorf(shop.EINVALID, "rating is required")
	}
	review, created, err := s.Reviews.PutReview(r.Context(), userID, id, reviewRequest{Rating: *in.Rating, Comment: in.Comment}.input())
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	writeJSON(w, status, newReviewV1(*review, userID))
	return nil
}

// deleteReview removes the caller's review of a product.
func (s *Server) deleteReview(w http.ResponseWriter, r *http.Request, userID int64) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := s.Reviews.RemoveReview(r.Context(), userID, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
