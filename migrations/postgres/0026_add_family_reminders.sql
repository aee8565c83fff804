CREATE TABLE "answer_counts" (
	"school_code" text PRIMARY KEY NOT NULL,
	"bound" integer NOT NULL,
	"waiting" integer NOT NULL,
	"returned" integer NOT NULL,
	"refused" integer NOT NULL,
	"none" integer NOT NULL,
	"counted_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "family_reminders" (
	"student_id" text PRIMARY KEY NOT NULL,
	"reminded_at" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "family_reminders" ADD CONSTRAINT "family_reminders_student_id_persons_id_fk" FOREIGN KEY ("student_id") REFERENCES "public"."persons"("id") ON DELETE cascade ON UPDATE no action;