-- The register is imported again: its entries have no import.
DELETE FROM "register_entries";--> statement-breakpoint
CREATE TABLE "register_imports" (
	"id" text PRIMARY KEY NOT NULL,
	"state" text NOT NULL,
	"started_at" bigint NOT NULL,
	"entry_count" integer DEFAULT 0 NOT NULL,
	"finished_at" bigint
);
--> statement-breakpoint
ALTER TABLE "register_entries" ADD COLUMN "import_id" text NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "register_imports_state_key" ON "register_imports" USING btree ("state") WHERE state <> 'obsolete';--> statement-breakpoint
ALTER TABLE "register_entries" DROP CONSTRAINT "register_entries_pk";
--> statement-breakpoint
ALTER TABLE "register_entries" ADD CONSTRAINT "register_entries_pk" PRIMARY KEY("import_id","student_lookup","guardian_lookup");