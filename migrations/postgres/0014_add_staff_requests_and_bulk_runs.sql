CREATE TABLE "bulk_rows" (
	"run_id" text NOT NULL,
	"position" integer NOT NULL,
	"person_id" text NOT NULL,
	"staff_version" integer NOT NULL,
	"state" text NOT NULL,
	"problem" text,
	"code_sealed" text,
	"code_expires_at" bigint,
	"done_at" bigint,
	CONSTRAINT "bulk_rows_pk" PRIMARY KEY("run_id","position")
);
--> statement-breakpoint
CREATE TABLE "bulk_runs" (
	"id" text PRIMARY KEY NOT NULL,
	"action" text NOT NULL,
	"class_id" text NOT NULL,
	"actor_id" text NOT NULL,
	"reason" text NOT NULL,
	"address" text NOT NULL,
	"created_at" bigint NOT NULL,
	"leased_until" bigint NOT NULL,
	"finished_at" bigint,
	"printed_at" bigint
);
--> statement-breakpoint
CREATE TABLE "second_factor_removals" (
	"person_id" text PRIMARY KEY NOT NULL,
	"requested_by" text NOT NULL,
	"created_at" bigint NOT NULL,
	"executes_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "staff_requests" (
	"id" text PRIMARY KEY NOT NULL,
	"action" text NOT NULL,
	"person_id" text NOT NULL,
	"school_code" text,
	"payload_sealed" text NOT NULL,
	"staff_version" integer NOT NULL,
	"requested_by" text NOT NULL,
	"requested_at" bigint NOT NULL,
	"expires_at" bigint NOT NULL,
	"is_open" boolean NOT NULL,
	"decision" text,
	"decided_by" text,
	"decided_at" bigint
);
--> statement-breakpoint
ALTER TABLE "bulk_rows" ADD CONSTRAINT "bulk_rows_run_id_bulk_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."bulk_runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bulk_rows" ADD CONSTRAINT "bulk_rows_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bulk_runs" ADD CONSTRAINT "bulk_runs_class_id_classes_id_fk" FOREIGN KEY ("class_id") REFERENCES "public"."classes"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "second_factor_removals" ADD CONSTRAINT "second_factor_removals_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "staff_requests" ADD CONSTRAINT "staff_requests_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "staff_requests" ADD CONSTRAINT "staff_requests_school_code_schools_code_fk" FOREIGN KEY ("school_code") REFERENCES "public"."schools"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "bulk_rows_person_idx" ON "bulk_rows" USING btree ("person_id");--> statement-breakpoint
CREATE INDEX "bulk_rows_codes_idx" ON "bulk_rows" USING btree ("done_at") WHERE code_sealed is not null;--> statement-breakpoint
CREATE INDEX "bulk_runs_due_idx" ON "bulk_runs" USING btree ("leased_until") WHERE finished_at is null;--> statement-breakpoint
CREATE INDEX "bulk_runs_class_idx" ON "bulk_runs" USING btree ("class_id","created_at");--> statement-breakpoint
CREATE INDEX "bulk_runs_created_idx" ON "bulk_runs" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "second_factor_removals_due_idx" ON "second_factor_removals" USING btree ("executes_at");--> statement-breakpoint
CREATE INDEX "staff_requests_school_idx" ON "staff_requests" USING btree ("school_code","is_open","requested_at","id");--> statement-breakpoint
CREATE INDEX "staff_requests_city_idx" ON "staff_requests" USING btree ("is_open","requested_at","id");--> statement-breakpoint
CREATE INDEX "staff_requests_person_idx" ON "staff_requests" USING btree ("person_id","requested_at");