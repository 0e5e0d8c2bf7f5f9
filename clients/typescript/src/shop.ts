// The shop as a client sees it: every path, parameter and answer has the type that the API document gives it.

import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./generated/schema.js";

export type Schemas = components["schemas"];
export type Shop = Client<paths>;

/** A problem that the shop answered with, by its code. */
export class Refused extends Error {
  constructor(readonly problem: Schemas["Problem"]) {
    super(`${problem.code}: ${problem.detail ?? problem.title}`);
  }
}

/** The shop at an address, for a guest or for whoever the token belongs to. */
export function shopAt(baseUrl: string, accessToken?: string): Shop {
  return createClient<paths>({
    baseUrl,
    ...(accessToken === undefined ? {} : { headers: { Authorization: `Bearer ${accessToken}` } }),
  });
}

/** What an answer holds, or the problem as an error. */
export function found<T>(answer: { data?: T; error?: Schemas["Problem"] }): T {
  if (answer.error !== undefined) {
    throw new Refused(answer.error);
  }
  if (answer.data === undefined) {
    throw new Error("the answer is empty");
  }
  return answer.data;
}

/** The ETag of an answer, for the If-Match of a change. */
export function etagOf(answer: { response: Response }): string {
  const etag = answer.response.headers.get("ETag");
  if (etag === null) {
    throw new Error("the answer has no ETag");
  }
  return etag;
}

/** Asks until there is an answer, for what happens behind the scenes. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await ask();
    if (answer !== undefined) {
      return answer;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: it did not come about`);
}
