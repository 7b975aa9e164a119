package shop

import (
	"context"
	"strings"
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
	// Reviewers lists the users who have written reviews, by name.
	Reviewers(ctx context.Context) ([]Reviewer, error)
}
