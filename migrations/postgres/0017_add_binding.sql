CREATE TABLE "binding_applicants" (
	"application_id" text NOT NULL,
	"position" integer NOT NULL,
	"payload_sealed" text NOT NULL,
	"national_id_lookup" text NOT NULL,
	"email_code_mac" text,
	"email_code_expires_at" bigint,
	"email_code_failures" integer DEFAULT 0 NOT NULL,
	"email_verified_at" bigint,
	"guardian_id" text,
	CONSTRAINT "binding_applicants_pk" PRIMARY KEY("application_id","position")
);
--> statement-breakpoint
CREATE TABLE "binding_applications" (
	"id" text PRIMARY KEY NOT NULL,
	"account_id" text NOT NULL,
	"student_id" text NOT NULL,
	"school_code" text NOT NULL,
	"state" text NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"student_confirmed_at" bigint,
	"applicant_kind" text,
	"valid_to" text,
	"evidence_done_at" bigint,
	"client_id" text,
	"reason_sealed" text,
	"submitted_at" bigint,
	"decided_at" bigint,
	"decided_by" text,
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "binding_evidence" (
	"id" text PRIMARY KEY NOT NULL,
	"application_id" text NOT NULL,
	"name_sealed" text NOT NULL,
	"content_type" text NOT NULL,
	"size" integer NOT NULL,
	"content_sealed" text NOT NULL,
	"created_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "binding_notices" (
	"version" integer PRIMARY KEY NOT NULL,
	"chinese" text NOT NULL,
	"english" text NOT NULL,
	"published_at" bigint NOT NULL,
	"published_by" text
);
--> statement-breakpoint
CREATE TABLE "binding_reminders" (
	"class_id" text PRIMARY KEY NOT NULL,
	"reminded_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "notice_answers" (
	"id" text PRIMARY KEY NOT NULL,
	"student_id" text NOT NULL,
	"account_id" text NOT NULL,
	"school_code" text NOT NULL,
	"notice_version" integer NOT NULL,
	"answer" text NOT NULL,
	"answered_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "person_merges" (
	"id" text PRIMARY KEY NOT NULL,
	"kept_id" text NOT NULL,
	"other_id" text NOT NULL,
	"snapshot_sealed" text NOT NULL,
	"merged_at" bigint NOT NULL,
	"merged_by" text NOT NULL,
	"undone_at" bigint
);
--> statement-breakpoint
CREATE TABLE "register_entries" (
	"student_lookup" text NOT NULL,
	"guardian_mac" text NOT NULL,
	"imported_at" bigint NOT NULL,
	CONSTRAINT "register_entries_pk" PRIMARY KEY("student_lookup","guardian_mac")
);
--> statement-breakpoint
CREATE TABLE "subject_requests" (
	"id" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"person_id" text NOT NULL,
	"guardianship_id" text,
	"school_code" text,
	"payload_sealed" text NOT NULL,
	"state" text NOT NULL,
	"created_at" bigint NOT NULL,
	"due_at" bigint NOT NULL,
	"decided_at" bigint,
	"decided_by" text,
	"reason_sealed" text
);
--> statement-breakpoint
ALTER TABLE "persons" ADD COLUMN "adult_on_lookup" text;--> statement-breakpoint
ALTER TABLE "schools" ADD COLUMN "district" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "schools" ADD COLUMN "is_register_checked" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "binding_applicants" ADD CONSTRAINT "binding_applicants_application_id_binding_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."binding_applications"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "binding_applications" ADD CONSTRAINT "binding_applications_account_id_persons_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."persons"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "binding_applications" ADD CONSTRAINT "binding_applications_student_id_persons_id_fk" FOREIGN KEY ("student_id") REFERENCES "public"."persons"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "binding_applications" ADD CONSTRAINT "binding_applications_school_code_schools_code_fk" FOREIGN KEY ("school_code") REFERENCES "public"."schools"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "binding_evidence" ADD CONSTRAINT "binding_evidence_application_id_binding_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."binding_applications"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "binding_reminders" ADD CONSTRAINT "binding_reminders_class_id_classes_id_fk" FOREIGN KEY ("class_id") REFERENCES "public"."classes"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notice_answers" ADD CONSTRAINT "notice_answers_student_id_persons_id_fk" FOREIGN KEY ("student_id") REFERENCES "public"."persons"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notice_answers" ADD CONSTRAINT "notice_answers_school_code_schools_code_fk" FOREIGN KEY ("school_code") REFERENCES "public"."schools"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subject_requests" ADD CONSTRAINT "subject_requests_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subject_requests" ADD CONSTRAINT "subject_requests_school_code_schools_code_fk" FOREIGN KEY ("school_code") REFERENCES "public"."schools"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "binding_applicants_national_id_idx" ON "binding_applicants" USING btree ("national_id_lookup");--> statement-breakpoint
CREATE UNIQUE INDEX "binding_applications_open_key" ON "binding_applications" USING btree ("student_id") WHERE state in ('draft', 'submitted', 'returned');--> statement-breakpoint
CREATE INDEX "binding_applications_student_idx" ON "binding_applications" USING btree ("student_id","created_at");--> statement-breakpoint
CREATE INDEX "binding_applications_account_idx" ON "binding_applications" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "binding_applications_queue_idx" ON "binding_applications" USING btree ("school_code","state","submitted_at","id");--> statement-breakpoint
CREATE INDEX "binding_applications_updated_idx" ON "binding_applications" USING btree ("state","updated_at");--> statement-breakpoint
CREATE INDEX "binding_evidence_application_idx" ON "binding_evidence" USING btree ("application_id");--> statement-breakpoint
CREATE INDEX "notice_answers_student_idx" ON "notice_answers" USING btree ("student_id","answered_at");--> statement-breakpoint
CREATE INDEX "person_merges_kept_idx" ON "person_merges" USING btree ("kept_id","merged_at");--> statement-breakpoint
CREATE INDEX "subject_requests_person_idx" ON "subject_requests" USING btree ("person_id","created_at");--> statement-breakpoint
CREATE INDEX "subject_requests_school_idx" ON "subject_requests" USING btree ("school_code","state","due_at","id");--> statement-breakpoint
CREATE INDEX "subject_requests_city_idx" ON "subject_requests" USING btree ("state","due_at","id");--> statement-breakpoint
CREATE INDEX "persons_adult_on_idx" ON "persons" USING btree ("adult_on_lookup") WHERE adult_on_lookup is not null;