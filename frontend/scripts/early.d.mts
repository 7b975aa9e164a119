import type { Plugin, Rolldown } from 'vite';
export function filesOf(bundle: Rolldown.OutputBundle, module: string): string[];
export function early(): Plugin;
