"""The titles of sections by kind, as US clinicians and transcriptionists write them.

Curated by hand from the habits of the common note types: SOAP, history and physical, progress note, discharge
summary, operative report, radiology report, emergency department and nursing notes. Plurals, case, "&" for
"and" and the abbreviations that `section_titles` expands need no entry of their own. Entries are separated by
commas or line ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "CHIEF_COMPLAINT": """
            chief complaint, chief concern, cc, c/c, c.c., chief complaint/reason for visit, complaint
            complaints, presenting complaint, presenting problem, presenting concern, presenting symptoms
            primary complaint, reason for visit, reason for encounter, reason for appointment
            reason for office visit, reason for admission, reason for hospitalization, reason for consultation
            reason for consult, reason for referral, reason for evaluation, reason for followup, rfv, rfc
            reason for presentation, chief complaint and history of present illness, cc/hpi, hpi/cc, situation
            visit reason, purpose of visit, chief complaint & hpi, referral reason, consultation request
            chief reason for consultation, reason for neurological consultation, reason for visit today
        """,
        "HISTORY_OF_PRESENT_ILLNESS": """
            history of present illness, history of presenting illness, hpi, h.p.i., history present illness
            history of the present complaint, history of presenting complaint, history of presenting problem
            history of current illness, history of illness, present illness, presenting history, history
            interval history, interim history, interval events, overnight events, events overnight
            interval update, interim events, 24 hour events, last 24 hours, subjective, s, subj
            subjective data
            subjective/interval history, subjective complaints, hpi/subjective, subjective/hpi
            patient history
            brief history, clinical course, history and present illness, history of injury
            mechanism of injury, history of problem, history and interval events, background
            history obtained from patient, summary of present illness, case history, history & background
            narrative history, story, symptoms, signs and symptoms, presentation, history of accident
            history of condition, hpi/interval history, brief narrative, narrative, hospital day events
            description of present illness, history of chief complaint, present complaints, current symptoms
            history/physical, history and physical, h&p, present history, oncologic history, oncology history
            history of present illness/interval history, cancer history, treatment history, identification
            history of present illness and hospital course, presenting illness, id/hpi, current complaints
            current history, pain history, seizure history, summary of history, history summary
            history of present problem, present problem, history of procedure, history of the present injury
            presentation history, history of present condition, history of complaint
            genhx
        """,
        "PAST_MEDICAL_HISTORY": """
            past medical history, past med hx, pmh, pmhx, p.m.h., pmhx/pshx, pmh/psh, medical history
            previous medical history, prior medical history, past history, past illnesses, medical problems
            past medical problems, problem list, active problem list, active problems, ongoing problems
            chronic problems, chronic conditions, chronic medical conditions, medical conditions
            comorbidities
            co-morbidities, comorbid conditions, problems, medical illnesses, illnesses, major illnesses
            past medical and surgical history, past medical history/past surgical history
            past medical surgical
            past medical/surgical history, medical and surgical history
            past medical history and surgical history
            past medical & past surgical history, medical/surgical history, past psychiatric history, pph
            psychiatric history, past psych history, birth history, neonatal history, perinatal history
            birth and developmental history, developmental history, past medical family and social history
            past medical family social history, pfsh, pmfsh, pmsfh, past family and social history, pmh/fh/sh
            past family medical and social history, coronary risk factors, cardiac risk factors, risk factors
            cardiac history, cardiovascular history, childhood illnesses, prior diagnoses, past diagnoses
            significant past medical history, health history, general health, past cardiac history
            diabetes history, hospitalizations, prior hospitalizations, past hospitalizations
            previous hospitalizations, hospitalization history, past medical history/problem list
            pmhx/problem
            past ocular history, ocular history, past dental history, dental history, past neurologic history
            trauma history, injuries, prior injuries, transfusion history, blood transfusions, past hx
            past urologic history, past oncologic history, past pulmonary history, problem list/pmh
            prior history
            growth and development, growth & development history, past medical illnesses, history of illnesses
            primary medical history, breast cancer history, past and developmental history, developmental
            developmental milestones, past medical issues, medical background, pertinent medical problems
            eating history
            pastmedicalhx, other history
        """,
        "PAST_SURGICAL_HISTORY": """
            past surgical history, past surg hx, past surgical hx, psh, pshx, p.s.h., surgical history
            previous surgical history, prior surgical history, prior surgeries, previous surgeries
            past surgeries
            surgeries, past operations, previous operations, prior operations
            past procedures, prior procedures, previous procedures, procedural history, procedure history
            surgical/procedural history, past surgical/procedural history, surg hx, surgical hx, surghx
            history of surgery, operative history, past surgical and procedural history, anesthesia history
            operations and procedures history, past anesthetic history, surgeries/hospitalizations
            past surgical history/hospitalizations, surgeries and hospitalizations
            pastsurgical, pastsurgicalhx
        """,
        "FAMILY_HISTORY": """
            family history, fh, fhx, famhx, fam hx, f.h., family hx, family medical history, fmh, fmhx
            family health history, family psychiatric history, family history of cancer, hereditary history
            family cardiac history, genetic history, family history/genetics, family medical hx
            family history of illness, family illnesses, family diseases, familial history
        """,
        "SOCIAL_HISTORY": """
            social history, sh, shx, sochx, soc hx, s.h., social hx, social, psychosocial history
            psychosocial
            personal history, personal and social history, social and personal history
            personal/social history
            habits, social habits, lifestyle, social determinants of health, sdoh, substance use
            substance use history, substance abuse history, substance abuse, substance history
            substance and alcohol history, alcohol and drug history, drug and alcohol history, tobacco history
            smoking history, alcohol history, occupational history, work history, employment history
            vocational history, military history, legal history, living situation, home environment
            social/occupational history, educational history, education history, marital history
            social and developmental history, social/environmental history, sexual history, travel history
            social and family history, family and social history, family/social history, fh/sh, sh/fh
            fhx/shx, shx/fhx, social/family history, family social history, social history/habits
            social and occupational history, living arrangements, home situation, functional status
            functional history, prior level of function, baseline function, exposure history
            social history and habits, cultural history, religious history, exercise history, diet history
            dietary history, nutritional history, nutrition history, work status, employment
            family social and allergy history, abuse history
            family background, academic background, legal, genetic and social history, socioeconomic history
            performance status, activities of daily living, adls, family and social background
            psychological history
            fam/sochx
        """,
        "OBSTETRIC_HISTORY": """
            obstetric history, ob history, obgyn history, ob/gyn history, ob/gyn, obhx, ob hx, gyn history
            gyn hx, gynecological history, obstetric and gynecological history
            obstetric/gynecological history
            gynecological and obstetric history, pregnancy history, menstrual history, past obstetric history
            past gynecological history, past ob history, past gyn history, pobhx, pgynhx, reproductive history
            prenatal history, antepartum history, prenatal course, pregnancy, obstetric, contraceptive history
            gyn/ob history, sexual/reproductive history, prenatal care, menstruation, past ob/gyn history
            antepartum course, ob, current pregnancy, history of pregnancy
            gynhx
        """,
        "REVIEW_OF_SYSTEMS": """
            review of systems, ros, r.o.s., system review, systems review, review of symptoms
            systemic review, review of system, 10 point review of systems, ten point review of systems
            12 point review of systems, 14 point ros, pertinent review of systems, review systems
            functional inquiry, system reviewed, symptom review, multisystem review
            ros negative except, review of systems negative except, 10 point ros, 12 point ros, point ros
            twelve point review of systems, fourteen point review of systems, point review of systems
        """,
        "MEDICATIONS": """
            medications, medication, meds, medication list, current medications, current meds
            home medications
            home meds, medications at home, medications prior to admission, prior to admission medications
            pta medications, medications on admission, admission medications, meds on admission
            outpatient medications, inpatient medications, medications on discharge, discharge medications
            discharge meds, medications at discharge, discharge medication list
            medications at time of discharge
            current outpatient medications, current outpatient prescriptions, prescriptions
            prescription medications, prescribed medications, medications prescribed, medication history
            active medications, scheduled medications, scheduled meds, prn medications, prn meds, drips
            infusions, medication reconciliation, drugs, current drugs, rx, medicines, current medicines
            present medications, preadmission medications, new medications, continued medications
            stopped medications, changed medications, medications given, medications administered
            otc medications, over the counter medications, supplements, vitamins, vitamins and supplements
            herbals, medications/allergies, medications and allergies, allergies and medications
            allergies/medications, regular medications, transfer medications, medications on transfer
            maintenance medications, mar, medication administration, current medications at home
            preoperative medications, premedication, injectables, inhalers, current treatment, antibiotics
            medication changes, medications during hospitalization, psychotropic medications
            current psychiatric medications, oral medications, iv medications, current therapy, home regimen
            medications started, medications discontinued, medications upon discharge, medications used
            list of medications, medications in clinic, medications administered in ed
        """,
        "ALLERGIES": """
            allergies, allergy, allergies to medications, allergies to medicines, drug allergies
            medication allergies, known allergies, known drug allergies, food allergies, allergic history
            allergy history, allergies and intolerances, allergies/intolerances, allergies and reactions
            allergies/adverse reactions, adverse reactions, adverse drug reactions, intolerances
            drug intolerances, drug sensitivities, all, allergen reactions, allergies/reactions
            latex allergy, environmental allergies, allergies to drugs, allergies or intolerances
            medication allergies and intolerances, drug allergies and intolerances
            allergies & adverse reactions
        """,
        "IMMUNIZATIONS": """
            immunizations, immunization history, immunization status, immunization record, vaccinations
            vaccines, vaccination history, vaccination status, health maintenance, health care maintenance
            healthcare maintenance, hcm, preventive care, preventive health, preventive services
            vaccine history
            preventive screening, screening, screenings, immunizations given, immunizations and screening
            health maintenance/immunizations, screening history, preventive health maintenance
        """,
        "VITAL_SIGNS": """
            vital signs, vitals, vs, v/s, vital, vital sign, vitals signs, vital signs on admission
            triage vitals, triage vital signs, admission vitals, discharge vitals, discharge vital signs
            vital signs at discharge, vital signs on arrival, most recent vitals, last vitals, vss
            vitals and measurements, vital signs/measurements, anthropometrics, measurements
            growth parameters
            intake and output, intake/output, i/o, i&o, i/os, ins and outs, i's and o's, vit, hemodynamics
            hemodynamic data, ventilator settings, vent settings, vital signs in last 24 hours
        """,
        "PHYSICAL_EXAM": """
            physical examination, physical exam, physical, pe, p.e., px, pex, phys exam, exam, examination
            physical findings, physical exam findings, on examination, on exam, o/e, objective, o, obj
            objective data, objective findings, objective exam, objective/physical exam
            physical exam/objective
            clinical examination, general physical exam, general examination, gen exam, admission exam
            discharge exam, discharge physical exam, discharge physical examination, examination on discharge
            physical exam at discharge, physical examination on admission, physical exam on admission
            admission physical exam, exam on admission, exam at discharge, condition on exam
            mental status examination, mental status exam, mse, neurological examination, neurologic exam
            neuro exam, neurological exam, neurologic examination, musculoskeletal examination
            orthopedic examination, cardiovascular examination, head and neck examination, eye examination
            ophthalmologic examination, slit lamp exam, slit lamp examination, fundus exam
            dilated fundus exam
            pelvic examination, gynecological examination, dermatologic examination, skin exam, foot exam
            diabetic foot exam, newborn exam, external examination, psychiatric examination, rectal exam
            vascular examination, focused physical exam, pertinent physical findings, focused exam
            physical assessment, nursing assessment, head to toe assessment, shift assessment
            wound assessment
            skin assessment, pain assessment, physical examination at time of discharge, primary survey
            secondary survey, behavioral observations, cognitive examination, psychiatric exam, ortho exam
            vital signs and physical exam, objective/vital signs, objective/exam, spine exam, knee exam
            shoulder exam, hip exam, abdominal exam, breast exam, cardiac exam, lung exam, msk exam
            physical examination and vital signs, physical examination including vital signs
            internal examination
            psychiatric/mental status exam
        """,
        "LABORATORY": """
            laboratory, laboratory data, laboratory results, laboratory studies, laboratory findings
            laboratory values, laboratory tests, laboratory test results, laboratory evaluation
            laboratory examination, laboratory investigations, laboratories, labs, lab, lab data, lab results
            lab work, labwork, lab studies, lab tests, lab values, lab review, pertinent labs, admission labs
            discharge labs, recent labs, labs reviewed, labs on admission, labs at discharge
            results, recent results, result review, results review, test results, data, data review
            data reviewed, pertinent data, pertinent results, diagnostic data, diagnostics, diagnostic studies
            diagnostic tests, diagnostic test results, diagnostic results, diagnostic evaluation
            diagnostic workup, diagnostic testing, investigations, studies, tests, workup, ancillary data
            ancillary studies, blood work, bloodwork, microbiology, micro, cultures, hematology, chemistry
            chemistries, pathology, pathology results, surgical pathology, pathology report, cytology
            urinalysis results, laboratory and diagnostic data, labs and studies, labs/studies, labs/imaging
            labs and imaging, laboratory and imaging, laboratory/radiology, lab/imaging results, labs/data
            laboratory and radiology data, lab and radiology data, laboratory data and studies
            laboratory and diagnostic studies, pertinent laboratory data, point of care testing, poc testing
            office labs, in office testing, poct, genetic testing, toxicology, urine drug screen results
            laboratory and radiographic studies, gross description, microscopic description, specimen results
            ancillary tests, electrodiagnostic studies, pulmonary function tests, nerve conduction studies
            needle emg, emg, special studies, labs and tests, laboratory and xray data, studies reviewed
            diagnostic studies reviewed, laboratory data on admission, tests performed
            objective data reviewed
            laboratory work, neuropsychological testing, pfts, pulmonary function test, summary of ekg
            stress ecg results, emg findings, serology, spirometry, lung volumes, diffusion capacity
            lab database
            tests ordered, testing, genetic test results, type of test results, csf results, electrophysiology
        """,
        "IMAGING": """
            imaging, imaging studies, imaging results, imaging findings, imaging data, diagnostic imaging
            medical imaging, radiology, radiology results, radiology data, radiology studies, radiology report
            radiologic studies, radiological studies, radiographic studies, radiographic findings, radiographs
            x-rays, xrays, x-ray, x-ray findings, xray results, films, imaging reviewed, imaging review
            pertinent imaging, recent imaging, radiology findings, radiographic examination
            radiology examination
            ekg, ecg, electrocardiogram, ekg/ecg, ekg findings, ecg interpretation, ekg interpretation
            12 lead ekg, telemetry, rhythm strip, cardiac studies, cardiac testing, cardiac imaging
            imaging/studies, imaging and studies, imaging and diagnostics, imaging/procedures, neuroimaging
            echo, ultrasound findings, mri findings, ct findings, myocardial perfusion imaging
            radiology review, x ray examination, imaging tests, imaging and other studies
            mammography information
            xray interpretation, stress test, exercise stress test, stress test results, review of films
        """,
        "ASSESSMENT": """
            opinion, medical opinion, opinion and plan, diagnostic opinion
            assessment, a, ax, assess, assessments, impression, impressions, imp, clinical impression
            clinical impressions, diagnostic impression, diagnostic impressions, final impression
            overall impression, summary impression, impression/summary, summary and impression
            summary/impression, ed impression, initial impression, assessment/impression
            impression/assessment
            assessment and impression, clinical assessment, current assessment, diagnostic assessment
            assessment and diagnosis, assessment/diagnosis, assessment/diagnoses, impression/diagnosis
            impression and diagnosis, diagnosis and assessment, diagnostic formulation, formulation
            case formulation, clinical formulation, conclusion, conclusions, interpretation
            summary, summary statement, summary and conclusions, discussion, clinical summary
            medical decision making
            mdm, decision making, medical decision-making, ed medical decision making, differential diagnosis
            differential, ddx, differential diagnoses, assessment summary, summary/assessment, opinion
            nursing diagnosis, endoscopic impression, radiographic impression, interpretation summary
            final interpretation, clinical interpretation, assessment of patient, provider impression
            conclusion/impression, assessment and discussion, impression/discussion, thoughts
            operative impression, ultrasound impression, ekg impression, psychiatric impression
            prognosis and impression
            summary of findings and impressions, evaluation, clinical significance
            provisional impression, working impression
            in summary, case discussion, prognostic impression, nuclear interpretation
            causation
            procedure and interpretation, case summary
        """,
        "PLAN": """
            plan, p, plans, treatment plan, plan of care, care plan, plan of treatment, plan of action
            treatment, treatments, therapy, therapeutic plan, management, management plan, recommendations
            recommendation, recs, recommendations/plan, plan/recommendations, plan and recommendations
            recommendation and plan, suggestions, proposed plan, further plan, future plans
            current plan, todays plan, plan for today, plan today, diagnostic plan, plan of management
            follow-up, followup, follow up plan, follow-up plans, follow up care, follow up instructions
            follow up appointments, return to clinic, rtc, return visit, next visit, next appointment
            next steps, orders, orders placed, new orders, orders today, interventions, intervention
            action plan, goals, goals of care, treatment goals, short term goals, long term goals
            treatment recommendations, therapeutic recommendations, postoperative plan, postop plan
            postoperative care, postoperative instructions, anticipatory guidance, counseling
            counseling and education, education, patient education, disposition and plan
            plan/disposition, discharge plan, plan at discharge, evaluation/treatment plan, to do, todo
            action items, referrals, treatment rendered, treatment provided, contingency plan
            surgical plan, plan for surgery, plan of therapy, therapeutic interventions, treatment and plan
            treatment/plan, dme, preventive plan, additional plan, nursing interventions, plan and followup
            management recommendations, plan and discussion, plan/discussion, treatment given, plan of attack
            patients goal, patient goals, progress and plan, plan & goals, post procedure instructions
        """,
        "ASSESSMENT_AND_PLAN": """
            assessment and plan, assessment & plan, assessment/plan, assessment plan, a/p, a&p, ap, a & p
            a-p, a + p
            a and p, assessment and plans, assessment/plans, assessment and recommendations
            assessment/recommendations, assessment with plan, plan and assessment, plan/assessment
            impression and plan, impression/plan, impression & plan, imp/plan, i/p, imp/rec
            impression and recommendations, impression/recommendations, impression recommendations
            diagnosis and plan, diagnoses and plan, diagnosis/plan, diagnoses/plan
            diagnosis and treatment plan
            assessment and treatment plan, assessment/treatment plan, assessment and plan of care
            assessment/plan of care, assessment impression and plan, assessment diagnosis and plan
            medical decision making and plan, mdm/plan, plan by problem, problem based plan
            problem based assessment and plan, assessment and plan by problem, assessment/plan by problem
            a/p by problem, assessment and plan by system, plan by system, problem oriented plan
            problems and plan, problem list and plan, active problems and plan, problem list/plan
            hospital problems, hospital problem list, active hospital problems, problems addressed
            problems addressed today, diagnoses addressed, assessment and management, assessment/management
            conclusion and plan, summary and plan, summary/plan, summary and recommendations
            summary/recommendations, discussion and plan, discussion/recommendations
            impression and treatment plan
            conclusions and recommendations, conclusion and recommendations, assessment and followup
            impression/treatment plan, assessment & recommendation, formulation and plan
            discussion and recommendations, findings and plan, assessment and discharge plan
            assessment and goals, problems/plan, problem/plan, clinical impression and plan
            recommendations and assessment
            impression discussion and plan, plan of care/assessment, current problems and plan
        """,
        "DIAGNOSES": """
            diagnosis, diagnoses, dx, dxs, final diagnosis, final diagnoses, primary diagnosis
            principal diagnosis, principal diagnoses, secondary diagnosis, secondary diagnoses
            admission diagnosis, admission diagnoses, admitting diagnosis, admitting diagnoses
            diagnosis on admission, diagnoses on admission, admit diagnosis, admit dx
            discharge diagnosis, discharge diagnoses, discharge dx, diagnosis at discharge
            diagnoses at discharge, diagnosis on discharge, discharge problem list, other diagnoses
            additional diagnoses, associated diagnoses, visit diagnosis, visit diagnoses, encounter diagnosis
            encounter diagnoses, ed diagnosis, ed diagnoses, emergency department diagnosis
            clinical diagnosis
            clinical diagnoses, working diagnosis, provisional diagnosis, preliminary diagnosis
            current diagnosis, current diagnoses, diagnosis list, diagnosis codes, icd-10 codes
            icd-10 diagnoses, diagnosis code, primary diagnoses, active diagnoses, pathologic diagnosis
            pathological diagnosis, final pathologic diagnosis, histologic diagnosis, psychiatric diagnosis
            psychiatric diagnoses, dsm diagnosis, dsm-5 diagnoses, diagnostic axes, multiaxial diagnosis
            diagnoses treated, medical diagnosis, medical diagnoses, treatment diagnosis, referral diagnosis
            referring diagnosis, diagnosis(es), discharge diagnosis(es), admission/discharge diagnosis
            problems/diagnoses, diagnoses/problems, diagnostic summary, anatomic diagnosis, cause of death
            immediate cause of death, complications and comorbidities, initial diagnoses
            allowed conditions, axis i-v, diagnosis and impression, therapy diagnosis, established diagnosis
            final anatomic diagnoses, prenatal diagnosis, indication/diagnosis
            principal discharge diagnosis, secondary discharge diagnoses
        """,
        "PREOPERATIVE_DIAGNOSIS": """
            preoperative diagnosis, preoperative diagnoses, preop diagnosis, pre-op diagnosis, preop dx
            pre-op dx, pre-operative diagnosis, preprocedure diagnosis, pre-procedure diagnosis
            pre procedural diagnosis, preoperative impression, preop, presurgical diagnosis
            diagnosis preoperative, preoperative and postoperative diagnosis, pre and postoperative diagnosis
            preoperative/postoperative diagnosis, pre/postoperative diagnosis
            pre and post operative diagnosis
            predelivery diagnosis, pre delivery diagnosis, preanesthetic diagnosis
        """,
        "POSTOPERATIVE_DIAGNOSIS": """
            postoperative diagnosis, postoperative diagnoses, postop diagnosis, post-op diagnosis, postop dx
            post-op dx, post-operative diagnosis, postprocedure diagnosis, post-procedure diagnosis
            post procedural diagnosis, postoperative impression, postsurgical diagnosis
            diagnosis postoperative
            operative diagnosis, surgical diagnosis, post delivery diagnosis, postdelivery diagnosis, postop
        """,
        "PROCEDURE": """
            anesthesia, anesthesia type, type of anesthesia, anesthetic, anesthesia used, anesthesia/sedation
            sedation, anesthesia method, anaesthesia
            procedure, procedures, procedure performed, procedures performed, procedure done, procedures done
            name of procedure, title of procedure, title of operation, name of operation, operation
            operations
            operation performed, operations performed, operative procedure, operative procedures
            operative procedure performed, operation/procedure, operation and procedure
            procedures and operations
            operations/procedures, surgery, surgery performed, surgical procedure
            surgical procedure performed
            description of procedure, description of operation, procedure description, operation description
            description of procedure in detail, description of operative procedure, description of surgery
            description of technique, description, procedure in detail, procedure detail, procedure details
            details of procedure, details of operation, detailed description of procedure, detail of procedure
            detailed procedure, operative procedure in detail, operation in detail, operation details
            operative details, operative description, operative technique, operative note, operative report
            operative narrative, operative course, operative summary, procedure note, procedure notes
            procedure narrative, procedure report, procedure and findings, procedures and findings
            procedure findings and technique, narrative of procedure, narrative of operation
            brief operative note
            brief op note, op note, technique, procedure technique, technique of procedure, surgical technique
            technical procedure, technique and findings, findings and procedure, findings and technique
            description of findings and procedure, procedures during hospitalization, inpatient procedures
            procedures during this admission, procedures this admission, bedside procedures
            procedure codes, planned procedure, proposed procedure, proposed operation, reported procedure
            delivery note, delivery, delivery summary, labor and delivery, labor course, procedure/technique
            surgical approach, approach, procedures/surgeries, major procedures, principal procedure
            examination performed, study performed, exam performed, exam type, type of exam
            type of study, protocol, tests and procedures, procedures/tests, procedures performed in ed
            title of surgery, name of surgery, details of surgery, details of the or, detail of operation
            description of the procedure and findings, indications and procedure, indication and procedure
            operations and procedures, operation and technique, procedure findings
            informed consent and procedure
            catheterization procedure, therapeutic procedure, course of procedure, procedure course
            procedure in detail and findings, treatment performed, cpt codes, name of test
            technical description
            type of procedure, operation procedure, summary of procedure, stress technique, image technique
            operative preparation, brief narrative of operative procedure, planned reconstruction
            location of procedure
        """,
        "FINDINGS": """
            findings, operative findings, intraoperative findings, intra-operative findings, gross findings
            gross operative findings, surgical findings, procedure findings summary, endoscopic findings
            findings at surgery, findings at operation, operative findings and indications, key findings
            major findings, abnormal findings, significant findings, angiographic findings
            arthroscopic findings
            positive findings, pathologic findings, microscopic findings, description of findings
            general findings, findings of procedure, cystoscopic findings, bronchoscopic findings
            summary of findings, results of study, observations, history and gross findings, echo findings
            echocardiographic findings, hemodynamic findings, angiography, coronary angiography
            left ventriculogram, left ventriculography, ventriculography, summary of study
            sonographic findings
            diagnostic findings, findings/impression, findings and impression, findings and conclusions
            intraprocedural findings, laparoscopic findings, colonoscopy findings, findings and interpretation
            autopsy findings, two dimensional findings, doppler findings, intraoperative course
            findings at time of surgery, coronary anatomy, angiographic data, coronary arteriography
            selective coronary arteriography, coronary angiogram, aortic arch angiogram
            microscopic examination
        """,
        "INDICATION": """
            indication, indications, indication for procedure, indications for procedure
            indication for surgery, indications for surgery, indication for operation
            indications for operation
            indication for examination, indication for exam, indication for study, indication for test
            indication for the procedure, surgical indications, procedure indication, clinical indication
            clinical indications, clinical information, clinical history, clinical data, reason for exam
            reason for examination, reason for study, reason for test, reason for procedure
            reason for surgery
            reason for operation, reason for imaging, reason for scan, clinical question
            clinical history/indication
            indication/history, indications and history, history and indications, history/indications
            history and indication for procedure, indications for admission, indication for consultation
            brief clinical history, clinical, clinical background, clinical context, clinical statement
            indications and consent, justification for procedure, medical necessity
            statement of medical necessity
            indications and findings, operative indications, preoperative indications, indications/history
            background and indication, indication and history, brief history and indications, clinical note
            history and operative indications, indication for intervention, rationale, brief indication
        """,
        "HOSPITAL_COURSE": """
            hospital course, brief hospital course, hospital course by problem, hospital course by system
            hospital course by problem list, summary of hospital course, hospital course summary
            hospital course and treatment, hospital stay, hospitalization course, course in hospital
            course in the hospital, course of hospitalization, inpatient course, clinical hospital course
            history and hospital course, summary of hospitalization, hospital summary
            course, course of treatment, treatment course, clinical course and treatment
            emergency department course, emergency room course, ed course, er course, ed course and treatment
            ed course and medical decision making, ed course/medical decision making, ed course/mdm
            course in emergency department, course in ed, emergency department treatment, ed treatment
            postoperative course, post operative course, nicu course, icu course, hospital course and plan
            course during hospitalization, course during admission, admission course, rehab course
            rehabilitation course, floor course, reassessment, ed reassessment, re-evaluation, ed progress
            progress, progress in ed, patient course, response to treatment, rehabilitation hospital course
            hospital course including condition, delivery and hospital course, hospital course and discharge
            hospital course to date, interval course
            edcourse
        """,
        "DISPOSITION": """
            disposition, dispo, discharge disposition, ed disposition, final disposition, discharge condition
            condition on discharge, condition at discharge, condition upon discharge, condition
            condition upon disposition, condition of patient, patient condition, condition on transfer
            discharge status, status at discharge, disposition and followup, disposition/followup
            disposition and condition, disposition/condition, discharge instructions, instructions
            patient instructions, instructions to patient, instructions given, discharge instruction
            discharge followup, discharge planning, activity, activity level, discharge activity
            discharge diet, diet, diet and activity, activity and diet, activity/diet
            postoperative disposition
            condition and disposition, home care, home care instructions, wound care instructions
            discharge to, discharged to, disposition at discharge, prognosis, discharge recommendations
            special instructions, aftercare, after visit instructions, return precautions
            discharge instructions and followup, post discharge instructions, code status, transfer of care
            discharge, condition of patient at discharge, pending results, pending labs, pending studies
            results pending at discharge, outstanding issues, issues for followup, pcp followup items
            status, condition on disposition, postoperative condition, followup appointments and instructions
            diet and activity at discharge, discharge instructions/followup, followup/disposition, dismissal
            condition of patient after surgery, condition of patient at end of procedure
            work restrictions, restrictions
            discharge weight, dietary, feeding
        """,
        "ADMINISTRATIVE": """
            patient, patient name, name, dob, date of birth, mrn, medical record number, medical record
            record number, account number, acct, csn, fin, date of service, dos, date of visit, visit date
            encounter date, date of encounter, date of admission, admission date, date admitted, admit date
            date of discharge, discharge date, date discharged, date of procedure, procedure date
            date of operation, date of surgery, surgery date, date of consultation, date of examination
            date of evaluation, date of study, exam date, study date, date of dictation, date, time, date/time
            time of visit, time seen, date of injury, date of exam, date of birth/age
            age, age/sex, sex, gender, race, sex/age, mr, visit type, encounter type, type of visit
            note type, location, facility, clinic, department, unit, room, hospital, service, hospital service
            provider, rendering provider, referring provider, referring physician, primary care provider
            primary care physician, pcp, attending, attending physician, physician, consulting physician
            ordering physician, ordering provider, requesting physician, requesting provider, resident
            dictating physician, author, surgeon, surgeons, primary surgeon, attending surgeon
            operating surgeon
            assistant, assistants, assistant surgeon, first assistant, co-surgeon, cosurgeon, anesthesiologist
            anesthetist, crna, nurse, scrub nurse, circulating nurse, radiologist, consultant, consultants
            consults, consult, consulting service, consultation obtained, informant
            source, source of information, source of history, historian, information source, history source
            sources of information, records reviewed, review of records, interpreter, language
            preferred language, insurance, payer, referral source, referred by, requested by
            electronically signed by, electronically signed, signed, signed by, signature, esigned by
            dictated by, dictated, transcribed by, transcriptionist, authenticated by, cosigned by, cosigner
            attestation, attending attestation, teaching physician attestation, teaching attestation
            resident attestation, scribe attestation, scribe, time spent, total time, time, critical care time
            total critical care time, billing, coding, level of service, e/m level, cpt, disclaimer
            copies to, copy to, carbon copy, distribution, addressee, to, from, re, subject, dear doctor
            identifying data, identifying information, identification data, demographics, patient information
            patient identification, patient demographics, identifying statement, advance directives
            emergency contact, contact information, phone, address, employer, job title, claim number
            informed consent, consent, consent for procedure, consents, witness, dictation, case number
            job number, document type, date of report
            transcription date, dd, dt, pharmacy, preferred pharmacy, case manager, admitting physician
            discharging physician, date of exam/time, consulting physicians, accession number, chaperone
            estimated length of stay, length of stay, los, addendum attestation, copies sent to, attending md
            present at visit, accompanied by, supervising physician, co-signature, discharge attending
            chart review, records review, time of death, patient profile, icd9 codes, cpt4 codes, referring md
        """,
        "OTHER": """
            complications, intraoperative complications, operative complications
            immediate complications, complication, estimated blood loss, ebl, blood loss, specimens, specimen
            specimens removed, specimens sent, specimen sent, tissue removed, drains, drain, tubes and drains
            tubes/drains, drains/tubes, tubes, fluids, iv fluids, intravenous fluids, fluids received
            fluid replacement, fluids given, crystalloid, urine output, uop, tourniquet time
            total tourniquet time, tourniquet, implants, implant, hardware, hardware used, devices
            prosthesis, components, counts, sponge count, sponge and needle counts, instrument counts
            needle and sponge counts, hemostasis, packs, dressings, dressing, closure, position, positioning
            blood products, blood administered, transfusions, blood replacement, fluoroscopy time, contrast
            contrast used, radiation dose, equipment, materials, materials used, instruments, instrument used
            disposition of specimen, comparison, comparisons, comparison studies, prior studies
            prior study for comparison, comment, comments, addendum, addenda, additional comments
            miscellaneous
            remarks, quality of study, image quality, limitations, risks and benefits, risks, preparation
            prep, premedication given, lines, lines/tubes/drains, lines and tubes, access, iv access
            nutrition, prophylaxis, antibiotic prophylaxis, dvt prophylaxis, patient position
            wound class, wound classification, asa class, asa, anesthesia time, operative time, procedure time
            scope, scope used, extent of exam, bowel preparation, cecal withdrawal time, dose
            strengths, barriers to learning, safety, fall risk, response, patient response, communication
            notification, handoff, equipment used, manner of death, behavior, needle count
            additional information, supervision, operating time, explants, other, reporter, questions
            general information
            intravenous fluid, fluid, fluids administered, replacement, blood given, urine
            pacemaker information
            injection, injections, stimulation, vendor, graft, grafts, suture, sutures, details of implants
            duration of surgery, catheters used, lens implant used, implants used, contrast volume
            estimated contrast
            fluoro time, specimen to pathology, specimen to lab, skin preparation, device settings
            additional details
            discharge summary, progress note, history and physical note, consultation note
            consultation report
            office visit note, office note, ed note, admission note, nursing note, clinic note, soap note
            emergency department note, history and physical report, consultation, visit note
        """,
    }
)
"""Titles that open a section of the kind, wherever they stand at the start of a line."""

SUB_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "REGION": """
            gen, heent, head, eyes, ears, nose, mouth, throat, ent, neck, chest, lungs, lung, heart
            cardiac, abdomen, abd
            general appearance, general, constitutional, appearance, extremities, extremity, ext, exts
            back, spine
            skin, neuro, neurologic, neurological, musculoskeletal, msk, breasts, breast, genitalia, rectal
            pelvic, pelvis, lymph nodes, lymphatics, lymphatic, cardiovascular, cv, cvs, respiratory, resp
            pulmonary, pulm, gastrointestinal, gi, genitourinary, gu, psych, psychiatric, vascular
            peripheral vascular, head and neck, head eyes ears nose and throat, oropharynx, oral cavity
            pupils, fundi, cranial nerves, cn, motor, sensory, reflexes, dtrs, deep tendon reflexes, gait
            coordination, coord, station, station/gait, gait and station, cerebellar, mental status, ms
            thorax
            upper extremities, lower extremities, joints, prostate, external genitalia, thyroid
            heart/cardiovascular, chest/lungs, lungs/chest, abdomen/gi, respiratory/chest
            ears nose and throat
            ears nose mouth and throat, eyes ears nose throat, lymph, nodes, integumentary, integument
            dermatologic, derm, genital, testes, uterus, cervix, adnexa, vagina, speculum exam, bimanual
            carotids, bowel sounds, costovertebral angle, affect, mood, speech, thought process
            thought content
            insight, judgment, orientation, cognition, memory, attention, tympanic membranes, sinuses
            face, nasal
            oral, teeth, tongue, fontanelle, nails, scalp, hair, hands, feet, knees, hips, shoulders, wrists
            enmt, right lower extremity, left lower extremity, right upper extremity, left upper extremity
            cervical spine, thoracic spine, lumbar spine, range of motion, palpation, inspection
            special tests
            skeletal, constitutional symptoms, romberg, attitude, otoscopy, tms, conjunctivae
            visual acuity, od, os
            neurologically, allergy/immunologic, hematopoietic, psychologic, gyn, cor, liver, spleen
            kidneys, bladder
        """,
        "SYSTEM": """
            endocrine, endo, hematologic, heme, hematological, hematology, hematologic/lymphatic, heme/lymph
            allergic, immunologic, allergic/immunologic, allergy/immunology, infectious disease, id, renal
            fen
            fen/gi, hepatic, urologic, urological, urinary, metabolic, rheumatologic, oncologic, heme/onc
            hem-onc
            nephrology, cardiology, neurology, psychological, gynecologic, sleep, central nervous system, cns
            fluids electrolytes nutrition, ophthalmologic, otolaryngologic, reproductive, locomotor
            endocrine and hematologic, neuropsychiatric, toxicology screen, prophylaxis and dispo, ppx
        """,
        "VITAL": """
            blood pressure, bp, pulse, heart rate, hr, temperature, temp, tmax, respirations
            respiratory rate, rr
            oxygen saturation, o2 saturation, o2 sat, spo2, sao2, pulse oximetry, pulse ox, weight, wt
            height, ht
            bmi, body mass index, head circumference, pain score, pain scale
        """,
        "STUDY": """
            cbc, cmp, bmp, bmet, ua, urinalysis, lfts, lft, tsh, a1c, hba1c, lipids, lipid panel
            lipid profile, inr
            troponin, coags, blood culture, urine culture, bnp, chest x-ray, cxr, kub, mri, ct, ct scan, cta
            mra, echocardiogram, tte, tee, dexa, eeg, pet scan, pet/ct, mammogram, cardiac catheterization
            cardiac cath, colonoscopy, egd, abdominal ultrasound, carotid duplex, holter monitor, csf
            stress echo, bone scan, doppler ultrasound, ct head, mri brain, chemistry panel, venous duplex
            right coronary artery, left main coronary artery, left anterior descending artery
            circumflex artery
            left coronary artery, circumflex, left main, sodium, potassium, creatinine, glucose
            hemoglobin, wbc
        """,
        "HABIT": """
            tobacco, tobacco use, smoking, smoking status, cigarettes, alcohol, alcohol use, etoh
            drugs of abuse
            illicit drugs, drug use, recreational drugs, caffeine, exercise, occupation, marital status
            education level
            housing, lives with, ethanol, sexual activity, hobbies, religion, pets, sleep habits, vaping
        """,
        "AXIS": """
            axis i, axis ii, axis iii, axis iv, axis v
        """,
    }
)
"""Titles that belong inside a section such as an examination, by what they are about."""
