import { useEffect, useRef } from 'react';
import { Icon } from '@/components/Icon';
import { MAX_QUERY_LENGTH } from '@/config/shop';
import styles from './SearchBox.module.css';

interface SearchBoxProps {
  value: string;
  onChange: (query: string) => void;
}

/** The search field. The key "/" leads to it from anywhere, Escape empties it. */
export function SearchBox({ value, onChange }: SearchBoxProps) {
  const input = useRef<HTMLInputElement>(null);
  const sent = useRef<string[]>([]);

  // The text belongs to the field itself: the address follows with a delay, and a fast typist must not lose letters to
  // it. Only what did not come from here (the browser's back button, a link) is written into the field.
  useEffect(() => {
    const field = input.current!;
    const at = sent.current.indexOf(value);
    if (at >= 0 && document.activeElement === field) {
      sent.current.splice(0, at + 1);
      return;
    }
    sent.current = [];
    if (field.value !== value) field.value = value;
  }, [value]);

  const change = (query: string) => {
    input.current!.value = query;
    sent.current.push(query);
    onChange(query);
  };

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
        maxLength={MAX_QUERY_LENGTH}
        defaultValue={value}
        onChange={(event) => change(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && event.currentTarget.value !== '') {
            event.preventDefault();
            change('');
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
            input.current?.focus();
            change('');
          }}
        >
          <Icon name="close" size={18} />
        </button>
      )}
    </form>
  );
}
