CREATE TABLE "audit_archive" (
	"id" integer PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL,
	"hash" text NOT NULL,
	"mac" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "consents" (
	"person_id" text NOT NULL,
	"client_id" text NOT NULL,
	"scope" text NOT NULL,
	"granted_at" bigint NOT NULL,
	CONSTRAINT "consents_pk" PRIMARY KEY("person_id","client_id","scope")
);
--> statement-breakpoint
DROP INDEX "oidc_records_expires_idx";--> statement-breakpoint
ALTER TABLE "guardianships" ADD COLUMN "state_reason_sealed" text;--> statement-breakpoint
ALTER TABLE "oidc_records" ADD COLUMN "browser_hash" text;--> statement-breakpoint
ALTER TABLE "persons" ADD COLUMN "birth_date_sealed" text;--> statement-breakpoint
ALTER TABLE "persons" ADD COLUMN "credential_version" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "throttles" ADD COLUMN "refusals" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "throttles" ADD COLUMN "refused_since" bigint;--> statement-breakpoint
ALTER TABLE "consents" ADD CONSTRAINT "consents_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "oidc_records_expires_idx" ON "oidc_records" USING btree ("model","expires_at");--> statement-breakpoint
-- By hand: an entry may be deleted once it is in a sealed archive.
DROP TRIGGER "audit_append_only" ON "audit";--> statement-breakpoint
CREATE TRIGGER "audit_append_only" BEFORE UPDATE OR TRUNCATE ON "audit" FOR EACH STATEMENT EXECUTE FUNCTION "audit_append_only"();--> statement-breakpoint
CREATE FUNCTION "audit_delete_archived"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.seq > COALESCE((SELECT seq FROM audit_archive WHERE id = 1), 0) THEN RAISE EXCEPTION 'audit_append_only'; END IF; RETURN OLD; END $$;--> statement-breakpoint
CREATE TRIGGER "audit_delete_archived" BEFORE DELETE ON "audit" FOR EACH ROW EXECUTE FUNCTION "audit_delete_archived"();
