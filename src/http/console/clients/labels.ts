import type { Context } from 'koa';
import type { ClientField } from '../../../domain/client-fields.ts';
import type { Pages } from '../../pages/pages.ts';
import { kindOf } from './form-fields.ts';

/** Returns the text of an option; protocol values that people register under their own name stay as they are. */
export function optionLabel(pages: Pages, ctx: Context, field: ClientField, value: string): string {
  if (field === 'application_type' || field === 'token_endpoint_auth_method') {
    return pages.t(ctx, `clients.value.${value}`);
  }
  if (field === 'directory') return pages.t(ctx, `clients.directory.${value}`);
  if (field === 'school_types') return pages.t(ctx, `schoolType.${value}`);
  if (field === 'acting_roles') return pages.t(ctx, `role.${value}`);
  return field === 'permissions' ? `${pages.t(ctx, `permission.${value}`)} (${value})` : value;
}

/** Returns the values of a field in one line; empty without a value. */
export function valueLabels(pages: Pages, ctx: Context, field: ClientField, values: readonly string[]): string {
  if (kindOf(field) === 'flag') return pages.t(ctx, values.length > 0 ? 'clients.yes' : 'clients.no');
  return values.map((value) => optionLabel(pages, ctx, field, value)).join('\n');
}
