// What the services say of themselves: the output of `souk manifest`, kept in infra/manifest.json.

import { readFileSync } from 'node:fs';

export interface Route {
  readonly method: string;
  /** As in axum: `/files/{name}`, `/docs/{*rest}`. */
  readonly path: string;
  /** `anyone`: the function looks at the token, if there is one. Otherwise the gateway turns callers without a valid token away. */
  readonly access: 'anyone' | 'signed_in' | 'staff' | 'admin';
}

export interface Consumer {
  readonly name: string;
  readonly types: readonly string[];
  /** Deliveries before a message is a dead letter. */
  readonly tries: number;
}

export interface Schedule {
  readonly name: string;
  readonly every_secs: number;
}

export interface TableSchema {
  readonly name: string;
  /** Of the generic indexes `index1` to `index5`, the first so many. */
  readonly indexes: number;
}

/** What a home may offer besides tables. */
export type Resource =
  | 'event_log'
  | 'files'
  | 'gateway'
  | 'mail'
  | 'queues'
  | 'search_index'
  | 'signing_key'
  | 'time_zones'
  | 'user_pool';

/** A resource that a service asks for, and the roles that use it. */
export interface Need {
  readonly resource: Resource;
  readonly roles: readonly Role[];
}

export interface Service {
  readonly name: string;
  /** Absent for a service that keeps nothing. */
  readonly table?: TableSchema;
  readonly routes: readonly Route[];
  readonly consumers: readonly Consumer[];
  readonly schedules: readonly Schedule[];
  readonly emits: readonly string[];
  /** Services whose tables it reads. */
  readonly reads: readonly string[];
  readonly needs: readonly Need[];
}

export interface Manifest {
  readonly version: string;
  /** The service whose table is read for every request with a token, whichever service answers it. */
  readonly accounts: string;
  readonly services: readonly Service[];
}

/** Reads a manifest; throws if it does not hold together. */
export function readManifest(file: string): Manifest {
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  const faults = faultsOf(manifest);
  if (faults.length > 0) throw new Error(`${file}: ${faults.join('; ')}`);
  return manifest;
}

/** Sentences that say what does not hold together; a stack built from it would lose events or routes. */
export function faultsOf(manifest: Manifest): string[] {
  const faults: string[] = [];
  const services = new Set(manifest.services.map((service) => service.name));
  const emitted = new Set(manifest.services.flatMap((service) => service.emits));
  const taken = new Map<string, string>();
  if (!services.has(manifest.accounts)) faults.push(`the accounts are read from ${manifest.accounts}, which does not exist`);
  for (const service of manifest.services) {
    if (service.table === undefined && (service.emits.length > 0 || service.consumers.length > 0)) {
      faults.push(`${service.name} has no table for what it tells or consumes`);
    }
    if (service.table !== undefined && service.table.indexes > 5) faults.push(`${service.name} has more than five indexes`);
    for (const read of service.reads) {
      if (!services.has(read)) faults.push(`${service.name} reads ${read}, which does not exist`);
    }
    for (const consumer of service.consumers) {
      for (const type of consumer.types) {
        if (!emitted.has(type)) faults.push(`consumer ${consumer.name} waits for ${type}, which nobody emits`);
      }
    }
    for (const route of service.routes) {
      const key = `${route.method} ${gatewayPath(route.path)}`;
      const other = taken.get(key);
      if (other !== undefined) faults.push(`${key} belongs to both ${other} and ${service.name}`);
      taken.set(key, service.name);
    }
  }
  return faults;
}

/** A path as API Gateway writes it: a rest is `{rest+}`. */
export function gatewayPath(path: string): string {
  return path.replace(/\{\*(\w+)\}/g, '{$1+}');
}

/** Queues have no dots in their names. */
export function dashed(name: string): string {
  return name.replaceAll('.', '-');
}

/** An identifier for constructs: `orders.expire` is `OrdersExpire`. */
export function pascal(name: string): string {
  return name
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join('');
}

export const ROLES = ['api', 'events', 'relay', 'tick'] as const;
export type Role = (typeof ROLES)[number];

/** Whether the function of that role uses the resource. */
export function uses(service: Service, role: Role, resource: Resource): boolean {
  return service.needs.some((need) => need.resource === resource && need.roles.includes(role));
}

/** The functions that a service needs. */
export function rolesOf(service: Service): Role[] {
  const needed: Record<Role, boolean> = {
    api: service.routes.length > 0,
    events: service.consumers.length > 0,
    relay: service.emits.length > 0,
    tick: service.schedules.length > 0,
  };
  return ROLES.filter((role) => needed[role]);
}
