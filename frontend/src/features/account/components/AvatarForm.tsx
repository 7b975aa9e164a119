import { useEffect, useId, useRef, useState } from 'react';
import { Button } from '@/components/Button';
import { Notice } from '@/components/Notice';
import { pictureURL } from '@/lib/api-client';
import { messageFor } from '@/lib/http';
import type { Me } from '@/lib/shop-types';
import { useChangeAvatar } from '../api/account';
import { fitPicture } from '../picture';
import styles from './account.module.css';

/** The picture next to one's reviews: choose a file, look at it, keep it. */
export function AvatarForm({ me }: { me: Me }) {
  const change = useChangeAvatar();
  const [chosen, setChosen] = useState<{ picture: Blob; url: string } | null>(null);
  const [unreadable, setUnreadable] = useState(false);
  const last = useRef<File | undefined>(undefined);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();

  useEffect(() => () => (chosen ? URL.revokeObjectURL(chosen.url) : undefined), [chosen]);

  const choose = async (file: File | undefined) => {
    last.current = file;
    change.reset();
    setUnreadable(false);
    setChosen(null);
    if (!file) return;
    const picture = await fitPicture(file);
    if (last.current !== file) return;
    setUnreadable(!picture);
    if (picture) setChosen({ picture, url: URL.createObjectURL(picture) });
  };
  const done = () => {
    last.current = undefined;
    setChosen(null);
    if (input.current) input.current.value = '';
  };
  return (
    <div className={styles.avatar}>
      <img src={chosen?.url ?? pictureURL(me.avatar_url)} alt={chosen ? 'Your new picture' : 'Your picture'} width={112} height={112} />
      <div className={styles.form}>
        <input
          ref={input}
          id={id}
          className="visually-hidden"
          type="file"
          accept="image/*"
          aria-label="Choose a picture"
          aria-describedby={`${id}-hint`}
          onChange={(event) => void choose(event.target.files?.[0])}
        />
        {unreadable && <Notice tone="bad">Your browser cannot read this picture. Choose another one, such as a PNG or a JPEG.</Notice>}
        {change.isError && <Notice tone="bad">{messageFor(change.error)}</Notice>}
        <div className={styles.buttons}>
          {chosen ? (
            <>
              <Button busy={change.isPending} onClick={() => change.mutate(chosen.picture, { onSuccess: done })}>
                Use this picture
              </Button>
              <Button look="quiet" onClick={done}>
                Cancel
              </Button>
            </>
          ) : (
            <>
              <label htmlFor={id} className={styles.choose}>
                Choose a picture
              </label>
              <Button look="quiet" busy={change.isPending} onClick={() => change.mutate(null)}>
                Remove
              </Button>
            </>
          )}
        </div>
        <p id={`${id}-hint`} className={styles.soft}>
          It is shown next to your reviews.
        </p>
      </div>
    </div>
  );
}
