import { useEffect, useRef, useState } from 'react';
import { Button } from '@/components/Button';
import { Icon } from '@/components/Icon';
import { Notice } from '@/components/Notice';
import { Stars } from '@/components/Stars';
import { pictureURL } from '@/lib/api-client';
import { formatDay } from '@/lib/dates';
import { messageFor } from '@/lib/http';
import type { Review, ReviewPage } from '@/lib/shop-types';
import { useMe } from '@/lib/use-session';
import { REVIEW_SORTS, useDeleteReview, useReviews, type ReviewSort } from '../api/reviews';
import { ReviewForm } from './ReviewForm';
import styles from './Reviews.module.css';

/** What buyers say about a product, and the place to say something oneself. */
export function Reviews({ productId, name }: { productId: number; name: string }) {
  const [sort, setSort] = useState<ReviewSort>('newest');
  const [writing, setWriting] = useState(false);
  const me = useMe();
  const reviews = useReviews(productId, sort);
  const section = useRef<HTMLElement>(null);

  // Somebody came for the reviews (#reviews) before they were there.
  const ready = reviews.data !== undefined;
  useEffect(() => {
    if (ready && window.location.hash === '#reviews') section.current?.scrollIntoView();
  }, [ready]);

  const first = reviews.data?.pages[0];
  // What was read as somebody else says nothing about who is there now.
  const known = me !== null && !reviews.isPlaceholderData;
  const all = reviews.data?.pages.flatMap((p) => p.items) ?? [];
  const mine = first?.mine ?? undefined;
  const others = all.filter((r) => !r.mine);
  return (
    <section className={styles.reviews} id="reviews" ref={section} tabIndex={-1} aria-labelledby="reviews-title">
      <h2 id="reviews-title">What buyers say</h2>
      {reviews.isPending && <p className={styles.soft}>Reading the reviews…</p>}
      {reviews.isError && !first && (
        <Notice tone="bad">
          {messageFor(reviews.error)}
          <Button look="outline" onClick={() => void reviews.refetch()}>
            Try again
          </Button>
        </Notice>
      )}
      {first && (
        <div className={first.summary.count > 0 ? styles.columns : styles.list}>
          <aside className={styles.side} aria-label="Rating">
            <Summary summary={first.summary} />
            {known && first.can_review && !mine && !writing && (
              <Button onClick={() => setWriting(true)}>
                <Icon name="pen" size={18} /> Write a review
              </Button>
            )}
            {known && !first.can_review && !mine && <p className={styles.soft}>You can review this once you have bought it.</p>}
            {!me && <p className={styles.soft}>Sign in to review what you have bought.</p>}
          </aside>
          <div className={styles.list}>
            {writing && <ReviewForm productId={productId} name={name} review={mine} onDone={() => setWriting(false)} />}
            {others.length > 1 && (
              <label className={styles.sort}>
                <span className="visually-hidden">Order of the reviews</span>
                <select value={sort} onChange={(event) => setSort(event.target.value as ReviewSort)}>
                  {Object.entries(REVIEW_SORTS).map(([value, label]) => (
                    <option key={value} value={value}>
                      {label}
                    </option>
                  ))}
                </select>
              </label>
            )}
            {others.length === 0 && !mine && !writing && <p className={styles.soft}>Nobody has reviewed this yet.</p>}
            <ul>
              {mine && !writing && (
                <li>
                  <OneReview review={mine} productId={productId} onEdit={() => setWriting(true)} />
                </li>
              )}
              {others.map((r) => (
                <li key={r.id}>
                  <OneReview review={r} productId={productId} />
                </li>
              ))}
            </ul>
            {reviews.hasNextPage && (
              <Button look="outline" busy={reviews.isFetchingNextPage} onClick={() => void reviews.fetchNextPage()}>
                More reviews
              </Button>
            )}
          </div>
        </div>
      )}
    </section>
  );
}

function Summary({ summary: { average, count, by_rating } }: { summary: ReviewPage['summary'] }) {
  if (average === null) return null;
  return (
    <div className={styles.summary}>
      <p className={styles.average}>
        <span className="digits">{average.toFixed(1)}</span>
        <span>
          <Stars rating={average} size={1.25} />
          <br />
          {count} {count === 1 ? 'review' : 'reviews'}
        </span>
      </p>
      <ul className="digits">
        {[5, 4, 3, 2, 1].map((stars) => {
          const n = by_rating[stars] ?? 0;
          return (
            <li key={stars}>
              <span>
                {stars}
                <span aria-hidden="true"> ★</span>
                <span className="visually-hidden"> stars:</span>
              </span>
              <span className={styles.bar} aria-hidden="true">
                <span style={{ width: `${count > 0 ? (n / count) * 100 : 0}%` }} />
              </span>
              <span>
                {n}
                <span className="visually-hidden"> reviews</span>
              </span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function OneReview({ review, productId, onEdit }: { review: Review; productId: number; onEdit?: () => void }) {
  const remove = useDeleteReview(productId);
  const [sure, setSure] = useState(false);
  return (
    <article className={`${styles.review} ${review.mine ? styles.mine : ''}`} aria-label={`Review by ${review.author}`}>
      <header>
        {review.avatar_url ? (
          <img src={pictureURL(review.avatar_url)} alt="" width={40} height={40} loading="lazy" />
        ) : (
          <span className={styles.letter} aria-hidden="true">
            {review.author.slice(0, 1).toUpperCase()}
          </span>
        )}
        <div>
          <p>
            <strong>{review.mine ? `${review.author} (you)` : review.author}</strong>
            {review.verified && (
              <span className={styles.verified}>
                <Icon name="check" size={14} /> bought it
              </span>
            )}
          </p>
          <p className={styles.soft}>
            <Stars rating={review.rating} /> <time dateTime={review.created_at}>{formatDay(review.created_at)}</time>
          </p>
        </div>
      </header>
      {review.comment && <p className={styles.comment}>{review.comment}</p>}
      {remove.isError && <Notice tone="bad">{messageFor(remove.error)}</Notice>}
      {onEdit && (
        <p className={styles.own}>
          {sure ? (
            <>
              Delete your review?
              <Button look="outline" busy={remove.isPending} onClick={() => remove.mutate()}>
                Delete
              </Button>
              <Button look="quiet" onClick={() => setSure(false)}>
                Keep it
              </Button>
            </>
          ) : (
            <>
              <Button look="outline" onClick={onEdit}>
                Edit your review
              </Button>
              <Button look="quiet" onClick={() => setSure(true)}>
                Delete
              </Button>
            </>
          )}
        </p>
      )}
    </article>
  );
}
