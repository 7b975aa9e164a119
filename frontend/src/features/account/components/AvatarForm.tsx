import { useEffect, useId, useRef, useState } from 'react';
import { Button } from '@/components/Button';
import { Notice } from '@/components/Notice';
import { pictureURL } from '@/lib/api-client';
import { messageFor } from '@/lib/http';
import type { Me } from '@/lib/shop-types';
import { useChangeAvatar } from '../api/account';
import styles from './account.module.css';

const TYPES = ['image/png', 'image/jpeg', 'image/gif'];
const MAX_BYTES = 5 * 1024 * 1024;

/** The picture next to one's reviews: choose a file, look at it, keep it. */
export function AvatarForm({ me }: { me: Me }) {
  const change = useChangeAvatar();
  const [chosen, setChosen] = useState<{ file: File; url: string } | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();

  useEffect(() => () => (chosen ? URL.revokeObjectURL(chosen.url) : undefined), [chosen]);

  const choose = (file: File | undefined) => {
    change.reset();
    setWrong(null);
    setChosen(null);
    if (!file) return;
    if (!TYPES.includes(file.type)) setWrong('This is no PNG, JPEG or GIF picture.');
    else if (file.size > MAX_BYTES) setWrong('This picture is larger than 5 MB.');
    else setChosen({ file, url: URL.createObjectURL(file) });
  };
  const done = () => {
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
          accept={TYPES.join(',')}
          aria-label="Choose a picture"
          aria-describedby={`${id}-hint`}
          onChange={(event) => choose(event.target.files?.[0])}
        />
        {(wrong ?? (change.isError ? messageFor(change.error) : null)) && <Notice tone="bad">{wrong ?? messageFor(change.error)}</Notice>}
        <div className={styles.buttons}>
          {chosen ? (
            <>
              <Button busy={change.isPending} onClick={() => change.mutate(chosen.file, { onSuccess: done })}>
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
          PNG, JPEG or GIF, up to 5 MB. It is shown next to your reviews.
        </p>
      </div>
    </div>
  );
}
