import { useEffect, useRef, useState, type FormEvent } from 'react';
import { Button } from '@/components/Button';
import { TextField } from '@/components/Field';
import { Notice } from '@/components/Notice';
import { MAX_COMMENT_LENGTH } from '@/config/shop';
import { messageFor } from '@/lib/http';
import type { Review } from '@/lib/shop-types';
import { useWriteReview } from '../api/reviews';
import styles from './Reviews.module.css';

const WORDS = ['', 'Bad', 'Not good', 'All right', 'Good', 'Excellent'];

interface ReviewFormProps {
  productId: number;
  name: string;
  /** The one that is changed. */
  review?: Review;
  onDone: () => void;
}

/** Stars and a few words about a product one has bought. */
export function ReviewForm({ productId, name, review, onDone }: ReviewFormProps) {
  const write = useWriteReview(productId);
  const [rating, setRating] = useState(review ? Math.round(review.rating) : 0);
  const [comment, setComment] = useState(review?.comment ?? '');
  const [missing, setMissing] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  useEffect(() => form.current?.querySelector<HTMLInputElement>('input:checked, input')?.focus(), []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (write.isPending) return;
    setMissing(rating === 0);
    if (rating > 0) write.mutate({ rating, comment: comment.trim() }, { onSuccess: onDone });
  };
  return (
    <form className={styles.form} ref={form} onSubmit={submit} aria-label={`Your review of ${name}`}>
      {write.isError && <Notice tone="bad">{messageFor(write.error)}</Notice>}
      <fieldset className={styles.pick}>
        <legend>Your rating</legend>
        <div className={styles.stars}>
          {[1, 2, 3, 4, 5].map((stars) => (
            <label key={stars} className={stars <= rating ? styles.lit : ''}>
              <input type="radio" name="rating" value={stars} checked={rating === stars} onChange={() => setRating(stars)} />
              <span aria-hidden="true">★</span>
              <span className="visually-hidden">
                {stars} of 5, {WORDS[stars]}
              </span>
            </label>
          ))}
          <span aria-hidden="true">{WORDS[rating]}</span>
        </div>
        {missing && rating === 0 && <p role="alert">Choose one to five stars.</p>}
      </fieldset>
      <TextField
        label="What should others know? (optional)"
        maxLength={MAX_COMMENT_LENGTH}
        value={comment}
        onChange={(event) => setComment(event.target.value)}
        hint={`${MAX_COMMENT_LENGTH - comment.length} characters left.`}
      />
      <div className={styles.own}>
        <Button type="submit" busy={write.isPending}>
          {review ? 'Save your review' : 'Publish your review'}
        </Button>
        <Button look="quiet" onClick={onDone}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
