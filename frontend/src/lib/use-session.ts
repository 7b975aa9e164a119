import { useSyncExternalStore } from 'react';
import { session } from './session';

/** The session as React state. */
export function useSession() {
  return useSyncExternalStore(session.subscribe, () => session.state);
}

/** Who is signed in; null while nobody is. */
export function useMe() {
  return useSession().user;
}
