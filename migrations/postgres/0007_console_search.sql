DROP INDEX "enrolments_number_idx";--> statement-breakpoint
ALTER TABLE "persons" ADD COLUMN "name_search" text collate "C" DEFAULT '' NOT NULL;--> statement-breakpoint
CREATE INDEX "audit_subject_idx" ON "audit" USING btree ("subject_id","seq");--> statement-breakpoint
CREATE INDEX "enrolments_school_idx" ON "enrolments" USING btree ("school_code","student_id");--> statement-breakpoint
CREATE INDEX "persons_name_search_idx" ON "persons" USING btree ("name_search","id");--> statement-breakpoint
CREATE INDEX "enrolments_number_idx" ON "enrolments" USING btree ("student_number","school_code");--> statement-breakpoint
-- By hand: the search form of existing names, as searchableName computes it for names without accents.
UPDATE "persons" SET "name_search" = lower(replace(replace(replace("name", ' ', ''), '·', ''), '-', ''));
