// Memory and time of the functions, by role. A function's share of a processor grows with its memory, so
// small memory makes those slow that compute; what the shop does is mostly waiting for other services.

import type { Role } from './manifest';

export interface Size {
  readonly memoryMb: number;
  readonly timeoutSecs: number;
}

const SIZES: Record<Role, Size> = {
  api: { memoryMb: 256, timeoutSecs: 29 },
  events: { memoryMb: 256, timeoutSecs: 30 },
  relay: { memoryMb: 128, timeoutSecs: 30 },
  tick: { memoryMb: 128, timeoutSecs: 60 },
};

/** The search index is worked on in memory. */
const MEMORY_MB: Readonly<Record<string, number>> = { search: 1024 };

export function sizeOf(service: string, role: Role): Size {
  const size = SIZES[role];
  const memoryMb = role === 'relay' ? undefined : MEMORY_MB[service];
  return memoryMb === undefined ? size : { ...size, memoryMb };
}

/** Six times the function's, as Lambda asks for: a message must not come back while it is worked on. */
export const VISIBILITY_SECS = 6 * SIZES.events.timeoutSecs;
