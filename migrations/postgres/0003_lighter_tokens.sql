DROP INDEX "oidc_records_uid_idx";--> statement-breakpoint
DROP INDEX "oidc_records_user_code_idx";--> statement-breakpoint
CREATE INDEX "oidc_records_uid_idx" ON "oidc_records" USING btree ("uid_hash") WHERE uid_hash is not null;--> statement-breakpoint
CREATE INDEX "oidc_records_user_code_idx" ON "oidc_records" USING btree ("user_code_hash") WHERE user_code_hash is not null;