import { useEffect, useRef } from 'react';
import { Icon } from '@/components/Icon';
import styles from './SearchBox.module.css';

interface SearchBoxProps {
  value: string;
  onChange: (query: string) => void;
}

/** The search field. The key "/" leads to it from anywhere, Escape empties it. */
export function SearchBox({ value, onChange }: SearchBoxProps) {
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof HTMLElement && event.target.closest('input, textarea, select, [contenteditable], dialog')) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);

  return (
    <form
      className={styles.search}
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        // On a phone this takes the keyboard away, so that the goods can be seen.
        input.current?.blur();
      }}
    >
      <Icon name="search" />
      <input
        ref={input}
        type="search"
        aria-label="Search groceries"
        placeholder="Search groceries"
        autoComplete="off"
        spellCheck={false}
        enterKeyHint="search"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && value !== '') {
            event.preventDefault();
            onChange('');
          }
        }}
      />
      {value === '' ? (
        <kbd className={styles.key} aria-hidden="true">
          /
        </kbd>
      ) : (
        <button
          type="button"
          aria-label="Clear search"
          onClick={() => {
            onChange('');
            input.current?.focus();
          }}
        >
          <Icon name="close" size={18} />
        </button>
      )}
    </form>
  );
}
