package shop

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of a review.
const (
	MinRating        = 1
	MaxRating        = 5
	MaxCommentLength = 500 // characters
)

// Review is what one shopper thinks of one product. Reviews that came with an old
// catalogue have an author who is no user: their UserID is 0.
type Review struct {
	ID        int64   `json:"id"`
	ProductID int64   `json:"product_id"`
	UserID    int64   `json:"-"`
	Author    string  `json:"author"`
	Rating    float64 `json:"rating"`
	Comment   string  `json:"comment"`
}

// ReviewInput is what a shopper says about a product.
type ReviewInput struct {
	Rating  int
	Comment string
}

// Validate checks the bounds of rating and comment, and trims the comment.
func (in *ReviewInput) Validate() error {
	in.Comment = strings.TrimSpace(in.Comment)
	if in.Rating < MinRating || in.Rating > MaxRating {
		return Errorf(EINVALID, "rating must be a whole number from %d to %d", MinRating, MaxRating)
	}
	if !Storable(in.Comment) {
		return Errorf(EINVALID, "comment holds characters that cannot be stored")
	}
	if utf8.RuneCountInString(in.Comment) > MaxCommentLength {
		return Errorf(EINVALID, "comment must be at most %d characters long", MaxCommentLength)
	}
	return nil
}

// Reviewer is a user who has written at least one review.
type Reviewer struct {
	Username string
	Avatar   string // file name
}

// ShownReview is a review as others read it.
type ShownReview struct {
	Review
	Avatar    string // file name; empty for an author who is no user
	CreatedAt time.Time
	Verified  bool // the author has bought the product here
}

// ReviewSort is an order of reviews. Equal ones follow newest first.
type ReviewSort string

// The orders of reviews.
const (
	ReviewsNewest  ReviewSort = "newest"
	ReviewsHighest ReviewSort = "highest" // best ratings first
	ReviewsLowest  ReviewSort = "lowest"  // worst ratings first
)

// ReviewKey is the place of a review in an order.
type ReviewKey struct {
	Rating float64
	At     time.Time
	ID     int64
}

// ReviewQuery asks for a page of the reviews of a product.
type ReviewQuery struct {
	ProductID int64
	Caller    int64 // who asks; 0 for a guest
	Sort      ReviewSort
	Limit     int
	After     *ReviewKey
}

// ReviewPage is the answer to a ReviewQuery.
type ReviewPage struct {
	Reviews   []ShownReview
	Next      *ReviewKey // nil at the end
	Rating    Rating
	ByRating  [MaxRating]int // how many gave 1, 2, 3, 4, 5; halves count as the next higher
	Mine      *ShownReview   // the caller's own
	CanReview bool           // the caller has bought the product
}

// ReviewService keeps the reviews. The author is always the given user: a review
// can only be written, changed or removed by the one who bought the product.
type ReviewService interface {
	// AddReview stores a first review. ENOTFOUND for an unknown product,
	// EFORBIDDEN when the user has not bought it, ECONFLICT for a second review.
	AddReview(ctx context.Context, userID, productID int64, in ReviewInput) error
	// UpdateReview changes the user's own review; ENOTFOUND when there is none.
	UpdateReview(ctx context.Context, userID, productID int64, in ReviewInput) error
	// RemoveReview removes the user's own review; ENOTFOUND when there is none.
	RemoveReview(ctx context.Context, userID, productID int64) error
	// PutReview stores the user's review, be it the first or another one. ENOTFOUND
	// for an unknown product, EFORBIDDEN when the user has not bought it.
	PutReview(ctx context.Context, userID, productID int64, in ReviewInput) (review *ShownReview, created bool, err error)
	// ProductReviews returns a page of the reviews of a product; ENOTFOUND.
	ProductReviews(ctx context.Context, q ReviewQuery) (*ReviewPage, error)
	// Reviewers lists the users who have written reviews, by name.
	Reviewers(ctx context.Context) ([]Reviewer, error)
}
