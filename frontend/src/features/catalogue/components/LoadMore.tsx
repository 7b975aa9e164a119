import { useEffect, useRef } from 'react';
import { Button } from '@/components/Button';
import styles from './LoadMore.module.css';

interface LoadMoreProps {
  shown: number;
  total: number;
  busy: boolean;
  failed: string | null;
  onMore: () => void;
}

/** So many pages come by themselves before the button has to be pressed: whoever wants to the footer gets there. */
const BY_ITSELF = 4;

/** Brings the next page when the end of the list comes near, and by a button. */
export function LoadMore({ shown, total, busy, failed, onMore }: LoadMoreProps) {
  const end = useRef<HTMLDivElement>(null);
  const left = useRef(BY_ITSELF);
  const more = useRef(onMore);
  useEffect(() => {
    more.current = onMore;
  });

  useEffect(() => {
    if (busy || failed !== null || left.current === 0 || !('IntersectionObserver' in window)) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((e) => e.isIntersecting) || left.current === 0) return;
        left.current--;
        more.current();
      },
      { rootMargin: '50% 0px' },
    );
    observer.observe(end.current!);
    return () => observer.disconnect();
  }, [busy, failed, shown]);

  return (
    <div className={styles.more} ref={end}>
      {failed !== null && <p role="alert">{failed}</p>}
      <Button
        look="outline"
        busy={busy}
        onClick={() => {
          left.current = BY_ITSELF;
          onMore();
        }}
      >
        Show more
      </Button>
      <p className="digits">
        {shown} of {total} products
      </p>
    </div>
  );
}
